//! Colours: light as attributes, both in the style sheet. Contrast of text on its ground is at least 4.5 to 1.

use crate::render::picture::State;

/// Name of the custom property, light, dark.
pub(super) const PALETTE: &[(&str, &str, &str)] = &[
    ("paper", "#ffffff", "#0e131b"),
    ("lane", "#f2f5f9", "#171e29"),
    ("box", "#ffffff", "#202938"),
    ("ink", "#16202e", "#eef2f7"),
    ("soft", "#4b5a6d", "#a9b6c7"),
    ("line", "#7b899b", "#7f8ea3"),
    ("faint", "#8c98a8", "#6d7b8f"),
    ("attack", "#b3261e", "#ff8a80"),
    ("open", "#7a1d6b", "#e39ad8"),
    ("cut", "#0b6b3a", "#6fd39a"),
    ("challenged", "#8f5200", "#f0b457"),
    ("unknown", "#5b3fa8", "#bda7ff"),
    ("jewel", "#16202e", "#eef2f7"),
];

pub(super) fn colour(name: &str) -> &'static str {
    PALETTE.iter().find(|(known, _, _)| *known == name).map_or("#000000", |(_, light, _)| light)
}

/// Colour name, width and dashes of a line.
pub fn stroke(state: State, latent: bool) -> (&'static str, f64, &'static str) {
    match (state, latent) {
        (State::Cut, true) => ("faint", 1.0, "5 4"),
        (State::Cut, false) => ("cut", 1.7, "6 4"),
        (State::Challenged, _) => ("challenged", 1.7, "6 4"),
        (State::Unknown, _) => ("unknown", 1.9, "1.5 4"),
        (State::NotCut, _) => ("attack", 2.0, ""),
        (State::Open, _) => ("open", 4.6, ""),
        (State::Latent, _) => ("faint", 1.0, ""),
        (State::Environment, _) => ("line", 0.9, ""),
    }
}

/// The style sheet of a document of its own, or of a page around it.
pub fn sheet() -> String {
    let properties = |dark: bool| -> String {
        PALETTE.iter().map(|(name, light, night)| format!("--{name}:{};", if dark { night } else { light })).collect()
    };
    let mut css = format!(".cutset{{{}}}", properties(false));
    css.push_str(&format!("@media (prefers-color-scheme:dark){{.cutset{{{}}}}}", properties(true)));
    css.push_str(&format!("@media print{{.cutset{{{}}}}}", properties(false)));
    for (name, _, _) in PALETTE {
        css.push_str(&format!(".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}"));
    }
    css.push_str(".edge:hover path,.edge:focus path{stroke-width:3.2}.faded{opacity:.55}");
    css
}
