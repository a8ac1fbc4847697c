//! Graphviz as a guest: `dot` run on our own DOT over its standard input, with a limit on time and output.

use anyhow::{Context, bail};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const LARGEST: u64 = 256 << 20;

/// What `dot -T<format>` makes of a graph.
pub fn dot(graph: &[u8], format: &str) -> anyhow::Result<Vec<u8>> {
    let mut child = Command::new("dot")
        .arg(format!("-T{format}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("`dot` does not start: install Graphviz, or leave `--layout dot` out")?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let graph = graph.to_owned();
    // A child that ends early closes the pipe; its own words on stderr say why.
    let writer = std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&graph)));
    let reader = std::thread::spawn(move || all(stdout));
    let complaints = std::thread::spawn(move || all(stderr));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("`dot` cannot be waited for")? {
            break status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            bail!("`dot` took longer than {} seconds; leave `--layout dot` out", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let _ = writer.join();
    let drawn = reader.join().unwrap_or_default();
    if !status.success() {
        let said = String::from_utf8_lossy(&complaints.join().unwrap_or_default()).into_owned();
        bail!("`dot` refuses the graph: {}", said.lines().next().unwrap_or("it does not say why"));
    }
    Ok(drawn)
}

fn all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(LARGEST).read_to_end(&mut bytes);
    }
    bytes
}
