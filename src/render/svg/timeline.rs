//! The `timeline` view: swim lanes by plane, alerts pinned to their steps.

use super::escape::escape;
use super::legend::{Item, legend_of};
use super::paint::{Mode, close, number, open, paint_legend, paint_mark, text};
use super::plan::{DETAIL_SIZE, HEADER, LABEL_SIZE, NODE_SIZE, NOTE_SIZE, wrap_at};
use super::style::{colour, stroke};
use crate::analysis::{Alert, Analysis, Plane, Step};
use crate::render::layout::timeline::{Row, TimelineGeometry, timeline};
use crate::render::layout::{Point, Rect};
use crate::render::picture::{StepMark, heading, step_marks, target};
use crate::render::text::{Weight, fit, plain, text_width};
use std::fmt::Write;

/// Geometry and what stands in it.
pub struct Timeline {
    pub geometry: TimelineGeometry,
    pub width: f64,
    pub height: f64,
    legend: Vec<Item>,
}

fn row(step: &Step) -> Row {
    let lane = match step.plane {
        Plane::Identity => 0,
        Plane::Management | Plane::Other => 1,
        Plane::Data => 2,
    };
    Row { lane, alerts: step.alerts.len() }
}

/// Positions depend on the steps alone.
pub fn lay_timeline(analysis: &Analysis, marks: &[StepMark], notes: &[String]) -> Timeline {
    let rows: Vec<Row> = analysis.steps.iter().map(row).collect();
    let geometry = timeline(&rows, HEADER + 70.0);
    let states: Vec<_> = marks.iter().map(|mark| (mark.state, mark.mark.contains("✂*"))).collect();
    let (legend, below) = legend_of(&states, notes, geometry.width);
    let mut height = geometry.height + HEADER + below;
    let width = geometry.width;
    if width / height > 2.0 {
        height = width / 2.0;
    }
    Timeline { geometry, width, height, legend }
}

pub(super) fn document(analysis: &Analysis, with: &[String], mode: Mode) -> String {
    let (marks, notes) = step_marks(analysis, with);
    let laid = lay_timeline(analysis, &marks, &notes);
    let head = heading(analysis, "timeline", with);
    let mut out = String::new();
    let said: Vec<String> = marks
        .iter()
        .zip(&analysis.steps)
        .map(|(mark, step)| format!("{}, {}: {}.", mark.label, plain(&step.actor), mark.said))
        .collect();
    open(&mut out, &head, &said.join(" "), (laid.width, laid.height), mode);
    let _ = writeln!(out, "<g transform=\"translate(0 {})\">", number(HEADER));
    for (lane, rect) in &laid.geometry.strips {
        strip(&mut out, *lane, rect);
    }
    for (at, (step, mark)) in analysis.steps.iter().zip(&marks).enumerate() {
        let geometry = &laid.geometry;
        let (Some(rect), Some(time), Some(alerts), Some(pins)) =
            (geometry.steps.get(at), geometry.times.get(at), geometry.alerts.get(at), geometry.pins.get(at))
        else {
            continue;
        };
        let before = at.checked_sub(1).and_then(|before| analysis.steps.get(before));
        clock(&mut out, step, before, *time);
        for (pin, (alert, rect)) in pins.iter().zip(step.alerts.iter().zip(alerts)) {
            paint_alert(&mut out, alert, rect, pin, &mark.id);
        }
        paint_step(&mut out, step, &target(analysis, step), mark, rect, mode);
    }
    out.push_str("</g>\n");
    paint_legend(&mut out, &laid.legend, HEADER + laid.geometry.height);
    close(&mut out);
    out
}

fn strip(out: &mut String, lane: usize, rect: &Rect) {
    let name = ["Identity", "Management", "Data", "Alerts"].get(lane).copied().unwrap_or_default();
    let _ = writeln!(
        out,
        "<rect class=\"lane f-lane\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"10\" fill=\"{}\"/>",
        number(rect.x),
        number(rect.y),
        number(rect.w),
        number(rect.h),
        colour("lane"),
    );
    text(out, rect.x + 10.0, rect.y + 20.0, NOTE_SIZE, Weight::Bold, "soft", name);
}

/// The time, with the day where it is another than before.
fn clock(out: &mut String, step: &Step, before: Option<&Step>, at: Point) {
    let day = |step: &Step| step.time.strftime("%-d %b").to_string();
    let shown = step.time.strftime("%H:%M:%S").to_string();
    let width = text_width(&shown, LABEL_SIZE, Weight::Regular);
    text(out, at.x - width, at.y, LABEL_SIZE, Weight::Regular, "ink", &shown);
    if before.is_none_or(|before| day(before) != day(step)) {
        let shown = day(step);
        let width = text_width(&shown, LABEL_SIZE, Weight::Bold);
        text(out, at.x - width, at.y - 13.0, LABEL_SIZE, Weight::Bold, "soft", &shown);
    }
}

fn paint_step(out: &mut String, step: &Step, target: &str, mark: &StepMark, rect: &Rect, mode: Mode) {
    let (name, width, dashes) = stroke(mark.state, false);
    let dash = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
    let _ = write!(
        out,
        "<g id=\"{}\" class=\"step {}\"><title>{}</title><rect class=\"line f-box s-{name}\" x=\"{}\" y=\"{}\" width=\"{}\" \
         height=\"{}\" rx=\"6\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{width}\"{dash}/>",
        mark.id,
        mark.state.word(),
        escape(&format!("{}: {}", mark.label, mark.said)),
        number(rect.x),
        number(rect.y),
        number(rect.w),
        number(rect.h),
        colour("box"),
        colour(name),
    );
    let (x, room) = (rect.x + 9.0, rect.w - 18.0);
    let action = if step.short.is_empty() { plain(&step.action) } else { plain(&step.short) };
    let action = fit(&format!("{} {action}", plain(&step.id)), NODE_SIZE, Weight::Bold, room);
    text(out, x, rect.y + 16.0, NODE_SIZE, Weight::Bold, "ink", &action);
    let actor = plain(&step.actor);
    let actor = actor.split_once('@').map_or(actor.clone(), |(local, _)| format!("{local}@"));
    let size = if step.bytes > 0 { format!(", {}", crate::analysis::si(step.bytes)) } else { String::new() };
    let detail = fit(&format!("{actor} → {target}{size}"), DETAIL_SIZE, Weight::Regular, room);
    text(out, x, rect.y + 31.0, DETAIL_SIZE, Weight::Regular, "soft", &detail);
    let sign = fit(&mark.mark, LABEL_SIZE, Weight::Bold, room);
    paint_mark(out, (x, rect.y + 46.0), name, &sign, mode == Mode::Page);
    out.push_str("</g>\n");
}

fn paint_alert(out: &mut String, alert: &Alert, rect: &Rect, pin: &[Point; 2], step: &str) {
    let [from, to] = pin;
    let title =
        format!("{} alert at {}: {}", plain(&alert.product), alert.time.strftime("%H:%M:%S"), plain(&alert.title));
    let _ = write!(
        out,
        "<g class=\"alert of-{step}\"><title>{}</title><path class=\"s-line\" d=\"M{} {}L{} {}\" fill=\"none\" \
         stroke=\"{}\" stroke-width=\"1\" stroke-dasharray=\"2 3\"/>",
        escape(&fit(&title, NOTE_SIZE, Weight::Regular, 2000.0)),
        number(from.x),
        number(from.y),
        number(to.x),
        number(to.y),
        colour("line"),
    );
    let _ = write!(
        out,
        "<rect class=\"f-box s-line\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"{}\" \
         stroke=\"{}\" stroke-width=\"1.1\"/><path class=\"s-soft\" d=\"M{} {}l6 11h-12zM{} {}v4\" fill=\"none\" \
         stroke=\"{}\" stroke-width=\"1.3\" stroke-linejoin=\"round\"/>",
        number(rect.x),
        number(rect.y),
        number(rect.w),
        number(rect.h),
        colour("box"),
        colour("line"),
        number(rect.x + 15.0),
        number(rect.y + 8.0),
        number(rect.x + 15.0),
        number(rect.y + 12.0),
        colour("soft"),
    );
    let (x, room) = (rect.x + 28.0, rect.w - 36.0);
    let mut y = rect.y + 16.0;
    for line in wrap_at(&plain(&alert.title), LABEL_SIZE, room) {
        text(out, x, y, LABEL_SIZE, Weight::Bold, "ink", &line);
        y += 15.0;
    }
    let detail = format!("{}, {}", plain(&alert.severity), plain(&alert.product));
    text(out, x, y, DETAIL_SIZE, Weight::Regular, "soft", &fit(&detail, DETAIL_SIZE, Weight::Regular, room));
    out.push_str("</g>\n");
}
