//! `reeve openapi`: the API's description, as the server gives it.

use std::process::ExitCode;

use super::{Settings, say};
use crate::app::routes;
use crate::base::{Doing, Result};
use crate::web;

#[derive(Debug, clap::Args)]
pub(super) struct OpenApi {
    #[command(flatten)]
    settings: Settings,
}

impl OpenApi {
    pub(super) fn run(self) -> Result<ExitCode> {
        let document = web::document(&routes(), &self.settings.load()?.public_url());
        say(&serde_json::to_string_pretty(&document).doing("write the document")?);
        Ok(ExitCode::SUCCESS)
    }
}
