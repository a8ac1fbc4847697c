//! `cutset render`: any output again from `analysis.json`, without the case.

use super::arguments::{Layout, Render};
use super::{files, graphviz, privacy};
use crate::analysis::Analysis;
use crate::model::{InputError, from_json};
use crate::render::{self, Artifact, Request};
use anyhow::Context;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub fn run(plan: &Render, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let analysis = privacy::apply(read(&plan.analysis)?, &plan.privacy)?;
    let request = Request {
        view: plan.view.clone().unwrap_or_default(),
        with: plan.with.clone(),
        colour: out.colour() && plan.out.is_none(),
        template: plan.template.as_deref().map(files::text).transpose()?,
        ..Request::default()
    };
    let made = match plan.layout {
        Layout::Own => render::render(&analysis, &plan.format, &request).map_err(|error| match &plan.template {
            Some(path) => anyhow::anyhow!("{}: {error}", files::shown(path)),
            None => error.into(),
        })?,
        Layout::Dot => by_graphviz(&analysis, &plan.format, &request)?,
    };
    match (&plan.out, made.as_slice()) {
        (None, [only]) => out.write_all(&only.bytes).context("cannot write to stdout")?,
        (None, _) => anyhow::bail!("`{}` is {} files: say where with `--out DIR`", plan.format, made.len()),
        (Some(path), [only]) if !path.is_dir() => files::write(path, &only.bytes)?,
        (Some(folder), _) => {
            for Artifact { name, bytes } in &made {
                files::write(&folder.join(name), bytes)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An analysis of ours; anything else is said to be none.
pub fn read(path: &Path) -> anyhow::Result<Analysis> {
    let text = files::text(path)?;
    let shown = files::shown(path);
    let schema = serde_json::from_str::<Head>(&text).ok().and_then(|head| head.schema);
    if let Some(schema) = schema.filter(|schema| schema != Analysis::SCHEMA) {
        let message = format!("`schema` is `{schema}`, not `{}`", Analysis::SCHEMA);
        return Err(InputError::new(shown, message, "give the analysis.json that `cutset analyze` wrote").into());
    }
    Ok(from_json(&shown, &text)?)
}

#[derive(serde::Deserialize)]
struct Head {
    schema: Option<String>,
}

/// The diagram as Graphviz lays it out.
pub fn by_graphviz(analysis: &Analysis, format: &str, request: &Request) -> anyhow::Result<Vec<Artifact>> {
    match format {
        "svg" | "png" => {
            let graph = render::render(analysis, "dot", request)?;
            let bytes = graph.first().map(|file| file.bytes.as_slice()).unwrap_or_default();
            Ok(vec![Artifact { name: format!("graph.{format}"), bytes: graphviz::dot(bytes, format)? }])
        }
        _ => anyhow::bail!("`--layout dot` lays out `svg` and `png`, not `{format}`"),
    }
}
