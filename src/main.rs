//! Exit code only.

fn main() -> std::process::ExitCode {
    cutset::cli::run(std::env::args_os())
}
