//! The diagram as pixels, where it is built in (`cargo test --features png`); and what a build without it says.

use super::fixture;
use cutset::render::{Request, render};

#[cfg(not(feature = "png"))]
#[test]
fn a_build_without_it_names_the_feature() {
    let error = render(&fixture(), "png", &Request::default()).expect_err("it is not built in").to_string();
    assert!(
        error.starts_with("this cutset was built without `png`; build it with `cargo install --features png`"),
        "{error}"
    );
}

#[cfg(feature = "png")]
#[test]
fn the_drawing_at_twice_its_size_with_something_on_it() {
    use resvg::tiny_skia::Pixmap;

    for view in ["attack", "timeline"] {
        let request = Request { view: view.to_owned(), ..Request::default() };
        let made = |format: &str| match render(&fixture(), format, &request).expect("it renders").as_slice() {
            [file] => file.bytes.clone(),
            files => panic!("{} files", files.len()),
        };
        let drawing = String::from_utf8(made("svg")).expect("it is text");
        let length = |name: &str| -> f32 {
            let rest = drawing.split_once(&format!(" {name}=\"")).expect("the root has it").1;
            rest.split_once('"').expect("it ends").0.parse().expect("it is a number")
        };
        let bytes = made("png");
        assert_eq!(bytes, made("png"), "{view}: the same bytes twice");
        let pixels = Pixmap::decode_png(&bytes).expect("it is a PNG");
        let expected = ((length("width") * 2.0).ceil() as u32, (length("height") * 2.0).ceil() as u32);
        assert_eq!((pixels.width(), pixels.height()), expected, "{view}");
        // Paper all over, and ink: letters are dark, lines and boxes are not enough to make so much of it.
        assert!(pixels.pixels().iter().all(|pixel| pixel.alpha() == 255), "{view}: paper is missing");
        let dark =
            pixels.pixels().iter().filter(|pixel| u32::from(pixel.red()) + u32::from(pixel.green()) < 150).count();
        assert!(dark > 10_000, "{view}: {dark} dark pixels");
    }
}

/// A machine without fonts, as fontconfig's own variable makes one.
#[cfg(all(feature = "png", target_os = "linux"))]
#[test]
fn without_a_font_there_is_no_picture() {
    let folder = crate::support::Folder::new("fonts");
    let none = folder.path().join("fonts.conf");
    std::fs::write(&none, "<?xml version=\"1.0\"?>\n<fontconfig><dir>/nonexistent</dir></fontconfig>\n")
        .expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cutset"));
    command.args(["render", "tests/render/fixture.json", "--format", "png"]).env("FONTCONFIG_FILE", &none);
    let made = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cutset runs");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(!made.status.success() && made.stdout.is_empty() && said.contains("no font is installed"), "{said}");
}
