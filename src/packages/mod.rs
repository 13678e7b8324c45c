//! The agents that ship with the product: each is a folder of `agents/`, embedded in the binary, made to be read.
//!
//! `agent.toml` says what it is and how it runs, `instructions.md` what it is told, `input.schema.json` and
//! `output.schema.json` what goes in and comes out, `samples/*.json` inputs to try it with, `README.md` what it is
//! good for. A package knows no organization: deploying it somewhere is somebody else's work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Code, Error, Result};

#[derive(rust_embed::Embed)]
#[folder = "agents/"]
struct Files;

/// One agent, ready to be deployed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Package {
    #[serde(flatten)]
    pub manifest: Manifest,
    pub instructions: String,
    pub input_schema: Value,
    pub output_schema: Value,
    /// In the order of their file names.
    pub samples: Vec<Sample>,
    pub readme: String,
}

/// `agent.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub slug: String,
    pub name: String,
    pub version: String,
    pub description: String,
    pub agent_type: String,
    pub capabilities: Vec<String>,
    pub tags: Vec<String>,
    /// Passes the adapter's config schema.
    pub config: Value,
    pub execution: Limits,
}

/// How long a run may take and how often it is tried. What is absent is left to the product's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<u32>,
}

/// An input to try an agent with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Its file's name without `.json`, words apart: `charged twice`.
    pub name: String,
    pub input: Value,
}

/// All packages, by slug.
///
/// Errors: `Internal` where a folder of the program itself is not whole; the tests see to it that none is.
pub fn all() -> Result<Vec<Package>> {
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in Files::iter() {
        if let Some((slug, file)) = path.split_once('/') {
            folders.entry(slug.to_owned()).or_default().push(file.to_owned());
        }
    }
    folders.into_iter().map(|(slug, files)| read(&slug, &files)).collect()
}

/// The package with this slug, `None` where there is none.
///
/// Errors: as `all`.
pub fn get(slug: &str) -> Result<Option<Package>> {
    Ok(all()?.into_iter().find(|it| it.manifest.slug == slug))
}

fn read(slug: &str, files: &[String]) -> Result<Package> {
    let manifest: Manifest = toml::from_str(&text(slug, "agent.toml")?)
        .map_err(|it| broken(slug, "agent.toml", &it.to_string()))?;
    if manifest.slug != slug {
        return Err(broken(slug, "agent.toml", "its slug is not the folder's name"));
    }
    let mut names: Vec<&str> =
        files.iter().filter_map(|it| it.strip_prefix("samples/")?.strip_suffix(".json")).collect();
    names.sort_unstable();
    let sample = |name: &&str| -> Result<Sample> {
        let input = json(slug, &format!("samples/{name}.json"))?;
        let shown =
            name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').replace(['-', '_'], " ");
        Ok(Sample { name: shown, input })
    };
    Ok(Package {
        instructions: text(slug, "instructions.md")?,
        input_schema: json(slug, "input.schema.json")?,
        output_schema: json(slug, "output.schema.json")?,
        samples: names.iter().map(sample).collect::<Result<_>>()?,
        readme: text(slug, "README.md")?,
        manifest,
    })
}

fn text(slug: &str, file: &str) -> Result<String> {
    let found = Files::get(&format!("{slug}/{file}")).ok_or_else(|| broken(slug, file, "it is missing"))?;
    String::from_utf8(found.data.into_owned()).map_err(|it| broken(slug, file, &it.to_string()))
}

fn json(slug: &str, file: &str) -> Result<Value> {
    serde_json::from_str(&text(slug, file)?).map_err(|it| broken(slug, file, &it.to_string()))
}

fn broken(slug: &str, file: &str, why: &str) -> Error {
    Error::new(Code::Internal, format!("the built-in package {slug} is not whole"))
        .caused_by(format!("{file}: {why}"))
}

#[cfg(test)]
mod tests;
