//! Kinds of nodes by outline, so that they read without colour: a 16 by 16 drawing each, our own.

use crate::analysis::NodeKind;

/// SVG path data in a 16 by 16 box, drawn as a line.
pub(super) fn icon(kind: NodeKind) -> &'static str {
    match kind {
        // Head and shoulders.
        NodeKind::Identity => "M8 2.2a3 3 0 1 1 0 6 3 3 0 1 1 0-6zM2.4 14.2c.3-3.2 2.6-4.7 5.6-4.7s5.3 1.5 5.6 4.7",
        // Shield.
        NodeKind::Role => "M8 1.6l5.4 1.9v4.3c0 3.2-2.2 5.5-5.4 6.7-3.2-1.2-5.4-3.5-5.4-6.7V3.5z",
        // Box.
        NodeKind::Resource => "M2.2 5L8 2l5.8 3v6L8 14.2 2.2 11zM2.2 5L8 8.1 13.8 5M8 8.1v6.1",
        // Key.
        NodeKind::Credential => "M5.2 7.4a2.9 2.9 0 1 1 0 5.8 2.9 2.9 0 1 1 0-5.8zM7.3 8.3l6-6M10.6 5l2.4 2.4",
        // Folder.
        NodeKind::Scope => "M1.8 12.8V3.6h4.4l1.6 1.9h6.4v7.3z",
        // Globe.
        NodeKind::Address => {
            "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 1 1 8 1.8zM1.8 8h12.4M8 1.8c-4 3.6-4 8.8 0 12.4M8 1.8c4 3.6 4 8.8 0 12.4"
        }
    }
}
