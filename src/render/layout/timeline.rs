//! Swim lanes in time order: a row a step, a column a plane, alerts pinned to their step in a column of their own.

use super::{Point, Rect};

/// One row: which lane, how many alerts are pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// 0, 1, 2 from left to right.
    pub lane: usize,
    pub alerts: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineGeometry {
    pub width: f64,
    pub height: f64,
    /// Strips: panel by panel the three lanes, then the alerts.
    pub strips: Vec<(usize, Rect)>,
    pub steps: Vec<Rect>,
    /// Where each step's time stands: its right end and baseline.
    pub times: Vec<Point>,
    pub alerts: Vec<Vec<Rect>>,
    /// From each step to its alerts.
    pub pins: Vec<Vec<[Point; 2]>>,
}

const MARGIN: f64 = 16.0;
const TIME: f64 = 66.0;
const LANE: f64 = 226.0;
const GAP: f64 = 12.0;
const HEAD: f64 = 34.0;
const BOX: f64 = 54.0;
const ROW_GAP: f64 = 10.0;
const PAD: f64 = 8.0;
const BETWEEN: f64 = 26.0;

/// Rows from top to bottom, in as many panels side by side as keep the shape of a page.
pub fn timeline(rows: &[Row], extra_height: f64) -> TimelineGeometry {
    let panel_width = TIME + 4.0 * (LANE + GAP);
    let height_of = |row: &Row| row.alerts.max(1) as f64 * (BOX + ROW_GAP);
    let total: f64 = rows.iter().map(height_of).sum();
    let mut panels = 1;
    while panels < 8 && (panel_width * panels as f64) < total / panels as f64 + HEAD + extra_height {
        panels += 1;
    }
    let share = total / panels as f64;
    let mut geometry = TimelineGeometry::default();
    let (mut panel, mut y, mut tallest) = (0, 0.0, 0.0_f64);
    for row in rows {
        if y > 0.0 && y + height_of(row) / 2.0 > share && panel + 1 < panels {
            panel += 1;
            y = 0.0;
        }
        let left = MARGIN + panel as f64 * (panel_width + BETWEEN);
        let top = MARGIN + HEAD + y;
        let column = |lane: usize| left + TIME + lane as f64 * (LANE + GAP);
        let step = Rect { x: column(row.lane.min(2)) + PAD, y: top, w: LANE - 2.0 * PAD, h: BOX };
        let middle = step.y + BOX / 2.0;
        let alerts: Vec<Rect> = (0..row.alerts)
            .map(|at| Rect { x: column(3) + PAD, y: top + at as f64 * (BOX + ROW_GAP), w: LANE - 2.0 * PAD, h: BOX })
            .collect();
        geometry.pins.push(
            alerts
                .iter()
                .map(|alert| {
                    // The first pin runs level from the step; the next come down from the first alert.
                    if alert.y == top {
                        [Point { x: step.right(), y: middle }, Point { x: alert.x, y: middle }]
                    } else {
                        let x = alert.x + 12.0;
                        [Point { x, y: alert.y - ROW_GAP }, Point { x, y: alert.y }]
                    }
                })
                .collect(),
        );
        geometry.times.push(Point { x: left + TIME - 10.0, y: middle + 4.0 });
        geometry.steps.push(step);
        geometry.alerts.push(alerts);
        y += height_of(row);
        tallest = tallest.max(y);
    }
    let strip_height = HEAD + tallest + PAD - ROW_GAP + PAD;
    for at in 0..=panel {
        let left = MARGIN + at as f64 * (panel_width + BETWEEN);
        for lane in 0..4 {
            let x = left + TIME + lane as f64 * (LANE + GAP);
            geometry.strips.push((lane, Rect { x, y: MARGIN, w: LANE, h: strip_height }));
        }
    }
    geometry.width = 2.0 * MARGIN + (panel + 1) as f64 * panel_width + panel as f64 * BETWEEN - GAP;
    geometry.height = MARGIN + strip_height + PAD;
    let shape = geometry.width / (geometry.height + extra_height);
    if shape > 2.0 {
        geometry.height = geometry.width / 2.0 - extra_height;
    }
    geometry
}
