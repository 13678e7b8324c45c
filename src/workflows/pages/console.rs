//! Running a chain by hand. The run's own page shows what comes of it, as it happens.

use actix_web::HttpRequest;
use askama::Template;
use serde_json::Value;

use super::{HTML, Head, chain_of};
use crate::access::{Action, Cx};
use crate::base::{Json, Result};
use crate::executions::{NewExecution, TriggerKind};
use crate::web::{
    Faults, FormPairs, Frame, Framing, Group, Html, Reply, Route, SchemaForm, SeeOther, Sent, again, render,
};
use crate::workflows::ops;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/chains/{chain}/console", show)
            .needs(Action::WorkflowsExecute)
            .of("chain")
            .says("A form made of the chain's input schema, to run it")
            .answers_plain(200, "The page.", HTML),
        Route::post("/chains/{chain}/console", run)
            .needs(Action::WorkflowsExecute)
            .of("chain")
            .says("Runs a chain")
            .answers_plain(303, "To the run.", ""),
    ]
}

#[derive(Template)]
#[template(path = "workflows/console.html")]
struct Console {
    frame: Frame,
    head: Head,
    groups: Vec<Group>,
    faults: Vec<(String, String)>,
}

fn console(
    cx: &Cx,
    given: &str,
    framing: &Framing,
    typed: &[(String, String)],
    faults: &Faults,
) -> Result<Console> {
    let head = Head::of(cx, given, "/console")?;
    let form = input_form(&head);
    let groups = if typed.iter().any(|it| it.0.starts_with("input")) {
        form.groups(typed, faults)
    } else {
        form.groups(&form.typed(&Value::Object(serde_json::Map::new())), faults)
    };
    Ok(Console {
        frame: framing.frame(head.title("Run"))?,
        faults: faults.summary(groups.iter().flat_map(|it| &it.fields).map(|it| it.name.as_str())),
        groups,
        head,
    })
}

fn input_form(head: &Head) -> SchemaForm {
    SchemaForm::of_input("input", &head.chain.input_schema.to_value())
}

/// `GET /chains/{chain}/console`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(console(&cx, chain_of(&request)?, &framing, &[], &Faults::none())?)
}

/// `POST /chains/{chain}/console`
async fn run(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let (given, typed) = (chain_of(&request)?, form.0);
    let head = Head::of(&cx, given, "/console")?;
    let faults = match input_form(&head).value(&typed) {
        Err(faults) => faults,
        Ok(input) => {
            let request = NewExecution { wait_ms: Some(0), ..NewExecution::of(Json::of(&input)) };
            match ops::execute(&cx, given, TriggerKind::Console, request).await {
                Ok(started) => return Ok(SeeOther::to(format!("/executions/{}", started.id)).into()),
                Err(error) => Faults::of(error)?.within("input"),
            }
        }
    };
    again(console(&cx, given, &framing, &typed, &faults)?)
}
