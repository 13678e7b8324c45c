//! People of the organization, and those who are asked to join.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{
    self, Action, Cx, Invitation, InvitationRequest, Member, MemberPatch, MemberStatus, NewInvitation, Role,
};
use crate::base::{InvitationId, PageRequest, Result, Timestamp, UserId};
use crate::web::view::{Choice, Field, href, sentence};
use crate::web::{
    Faults, Flash, Form, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, again, confirmed, part,
    render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/members", index)
            .needs(Action::MembersRead)
            .query::<Listed>()
            .says("Members and invitations")
            .answers_plain(200, "The page.", HTML),
        Route::post("/members/invitations", invite)
            .needs(Action::MembersWrite)
            .says("Asks a person to join, and shows the link once")
            .form::<InviteForm>()
            .answers_plain(200, "The page with the link.", HTML)
            .shows_secret_once(),
        Route::post("/members/invitations/{invitation}/revoke", revoke)
            .needs(Action::MembersWrite)
            .of("invitation")
            .says("Takes an invitation back")
            .answers_plain(303, "Back to the members.", ""),
        Route::get("/members/{member}", show)
            .needs(Action::MembersRead)
            .of("member")
            .says("One member")
            .answers_plain(200, "The page.", HTML),
        Route::post("/members/{member}/role", change_role)
            .needs(Action::MembersWrite)
            .of("member")
            .says("Gives a member another role")
            .form::<RoleForm>()
            .answers_plain(303, "Back to the member.", ""),
        Route::post("/members/{member}/suspend", suspend)
            .needs(Action::MembersWrite)
            .of("member")
            .says("Keeps a member out for now")
            .answers_plain(303, "Back to the member.", ""),
        Route::post("/members/{member}/readmit", readmit)
            .needs(Action::MembersWrite)
            .of("member")
            .says("Lets a suspended member in again")
            .answers_plain(303, "Back to the member.", ""),
        Route::post("/members/{member}/remove", remove)
            .needs(Action::MembersWrite)
            .of("member")
            .says("Removes a member with their sessions and keys here")
            .form::<RemoveForm>()
            .answers_plain(303, "Back to the members.", ""),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Listed {
    #[serde(default)]
    cursor: String,
}

#[derive(Deserialize, JsonSchema)]
struct InviteForm {
    email: String,
    role: String,
}

#[derive(Deserialize, JsonSchema)]
struct RoleForm {
    role: String,
}

#[derive(Deserialize, JsonSchema)]
struct RemoveForm {
    /// The member's e-mail address, typed again.
    confirm: String,
}

#[derive(Template)]
#[template(path = "access/members.html")]
struct MembersPage {
    frame: Frame,
    members: Vec<Member>,
    first_href: &'static str,
    next_href: String,
    invitations: Vec<Invitation>,
    may_write: bool,
    fields: Vec<Field>,
    faults: Vec<(String, String)>,
    /// The invitation that was just made.
    made: Option<NewInvitation>,
    me: Option<UserId>,
    now: Timestamp,
}

#[derive(Template)]
#[template(path = "access/member.html")]
struct MemberPage {
    frame: Frame,
    member: Member,
    name: String,
    is_me: bool,
    may_change: bool,
    role: Field,
    faults: Vec<(String, String)>,
    now: Timestamp,
}

/// What each role may, in a sentence.
fn says(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Sees agents, runs and numbers.",
        Role::Operator => "Also runs agents, cancels and retries.",
        Role::Builder => "Also builds agents and keeps credentials.",
        Role::Admin => "Also keeps members, keys, audit and settings.",
        Role::Owner => "Everything, also naming other owners.",
    }
}

/// Roles that the caller may give.
fn roles(cx: &Cx) -> Vec<Choice> {
    let mine = Role::ALL.iter().filter(|it| **it <= cx.role());
    mine.map(|it| Choice::new(it.name(), sentence(it.name())).help(says(*it))).collect()
}

/// Errors: `ValidationFailed` at the field.
fn role_of(word: &str) -> Result<Role> {
    let found = Role::ALL.iter().copied().find(|it| it.name() == word);
    found.ok_or_else(|| crate::base::Error::invalid_at("role", "choose one of the roles"))
}

fn fields(cx: &Cx, email: &str, role: &str, faults: &Faults) -> Vec<Field> {
    vec![
        Field::email("email", "E-mail").value(email).error(faults.on("email")).required(),
        Field::cards("role", "Role", roles(cx)).value(role).error(faults.on("role")).required(),
    ]
}

impl MembersPage {
    fn is_me(&self, id: &UserId) -> bool {
        self.me == Some(*id)
    }

    fn new(cx: &Cx, framing: &Framing, cursor: &str) -> Result<Self> {
        let found = access::members(cx, &PageRequest::parse(None, Some(cursor))?)?;
        let may_write = cx.may(Action::MembersWrite);
        let invitations = if may_write {
            access::invitations(cx, &PageRequest::first(crate::base::MAX_LIMIT))?.items
        } else {
            Vec::new()
        };
        Ok(Self {
            frame: framing.frame("Members")?,
            members: found.items,
            first_href: if cursor.is_empty() { "" } else { "/members" },
            next_href: match found.next_cursor {
                Some(next) => href("/members", [("cursor", next.as_str())]),
                None => String::new(),
            },
            invitations,
            may_write,
            fields: fields(cx, "", Role::Operator.name(), &Faults::none()),
            faults: Vec::new(),
            made: None,
            me: cx.user_id(),
            now: cx.now(),
        })
    }
}

/// `GET /members`
async fn index(cx: Cx, framing: Framing, query: Query<Listed>) -> Reply<Html> {
    render(MembersPage::new(&cx, &framing, &query.0.cursor)?)
}

/// `POST /members/invitations`
async fn invite(cx: Cx, framing: Framing, form: Form<InviteForm>) -> Reply<Sent> {
    let InviteForm { email, role } = form.0;
    let made = match role_of(&role) {
        Ok(role) => access::invite(&cx, InvitationRequest { email: email.clone(), role }).await,
        Err(error) => Err(error),
    };
    let mut page;
    match made {
        Ok(made) => {
            page = MembersPage::new(&cx, &framing, "")?;
            page.made = Some(made);
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => {
            let faults = Faults::of(error)?;
            page = MembersPage::new(&cx, &framing, "")?;
            page.fields = fields(&cx, &email, &role, &faults);
            page.faults = faults.summary_of(&page.fields);
            again(page)
        }
    }
}

/// `POST /members/invitations/{invitation}/revoke`
async fn revoke(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    access::revoke_invitation(&cx, part::<InvitationId>(&request, "invitation")?).await?;
    Ok(SeeOther::to("/members")
        .saying(Flash::ok("The invitation is taken back; its link leads nowhere now.")))
}

fn member_page(cx: &Cx, framing: &Framing, id: UserId, faults: &Faults) -> Result<MemberPage> {
    let member = access::member(cx, id)?;
    let name = if member.name.is_empty() { member.email.clone() } else { member.name.clone() };
    let role = Field::cards("role", "Role", roles(cx)).value(member.role.name()).error(faults.on("role"));
    let role = role.required();
    Ok(MemberPage {
        frame: framing.frame(name.as_str())?,
        is_me: cx.user_id() == Some(id),
        may_change: cx.may(Action::MembersWrite) && member.role <= cx.role(),
        faults: faults.summary(["role"]),
        role,
        name,
        member,
        now: cx.now(),
    })
}

/// `GET /members/{member}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(member_page(&cx, &framing, part(&request, "member")?, &Faults::none())?)
}

/// `POST /members/{member}/role`
async fn change_role(cx: Cx, request: HttpRequest, framing: Framing, form: Form<RoleForm>) -> Reply<Sent> {
    let id: UserId = part(&request, "member")?;
    let changed = match role_of(&form.0.role) {
        Ok(role) => access::update_member(&cx, id, MemberPatch { role: Some(role), status: None }).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(member) => Ok(said(id, format!("{} is {} now.", shown(&member), an(member.role.name())))),
        Err(error) => again(member_page(&cx, &framing, id, &Faults::of(error)?)?),
    }
}

/// `POST /members/{member}/suspend`
async fn suspend(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Sent> {
    set_status(&cx, &framing, part(&request, "member")?, MemberStatus::Suspended, "is suspended").await
}

/// `POST /members/{member}/readmit`
async fn readmit(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Sent> {
    set_status(&cx, &framing, part(&request, "member")?, MemberStatus::Active, "may come in again").await
}

async fn set_status(cx: &Cx, framing: &Framing, id: UserId, status: MemberStatus, says: &str) -> Reply<Sent> {
    match access::update_member(cx, id, MemberPatch { role: None, status: Some(status) }).await {
        Ok(member) => Ok(said(id, format!("{} {says}.", shown(&member)))),
        Err(error) => again(member_page(cx, framing, id, &Faults::of(error)?)?),
    }
}

/// `POST /members/{member}/remove`
async fn remove(cx: Cx, request: HttpRequest, framing: Framing, form: Form<RemoveForm>) -> Reply<Sent> {
    let id: UserId = part(&request, "member")?;
    let member = access::member(&cx, id)?;
    let removed = match confirmed(&form.0.confirm, &member.email) {
        Ok(()) => access::remove_member(&cx, id).await,
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => {
            let flash = Flash::ok(format!("{} is no longer a member.", shown(&member)));
            let next = if cx.user_id() == Some(id) { "/login" } else { "/members" };
            Ok(SeeOther::to(next).saying(flash).into())
        }
        Err(error) => again(member_page(&cx, &framing, id, &Faults::of(error)?)?),
    }
}

fn said(id: UserId, message: String) -> Sent {
    SeeOther::to(format!("/members/{id}")).saying(Flash::ok(message)).into()
}

fn shown(member: &Member) -> &str {
    if member.name.is_empty() { &member.email } else { &member.name }
}

fn an(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
