//! Members and invitations.

use actix_web::HttpRequest;

use super::{PageQuery, check_unchanged};
use crate::access::{
    self, Action, Cx, Invitation, InvitationRequest, Member, MemberPatch, NewInvitation, ResetLink,
};
use crate::base::{Code, InvitationId, Page, UserId};
use crate::web::{Body, Created, Found, NoContent, Query, Reply, Route, part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/org/members", list)
            .needs(Action::MembersRead)
            .says("The organization's members.")
            .query::<PageQuery>()
            .answers::<Page<Member>>(200, "Members."),
        Route::post("/api/org/members", invite)
            .needs(Action::MembersWrite)
            .says("Asks a person to become a member; they are one once they take the invitation up.")
            .takes::<InvitationRequest>()
            .shows_secret_once()
            .answers::<NewInvitation>(201, "The invitation with its token, which is shown once.")
            .errs(&[Code::Conflict]),
        Route::get("/api/org/members/{member}", show)
            .needs(Action::MembersRead)
            .of("member")
            .says("One member.")
            .answers::<Member>(200, "The member.")
            .errs(&[Code::NotFound]),
        Route::put("/api/org/members/{member}", update)
            .needs(Action::MembersWrite)
            .of("member")
            .says("Gives a member another role, suspends or readmits them. Their sessions in the organization end.")
            .takes::<MemberPatch>()
            .answers::<Member>(200, "The member.")
            .errs(&[Code::NotFound, Code::Conflict, Code::PreconditionFailed]),
        Route::delete("/api/org/members/{member}", remove)
            .needs(Action::MembersWrite)
            .of("member")
            .says("Removes a member, with their keys and sessions in the organization.")
            .answers_plain(204, "Removed.", "")
            .errs(&[Code::NotFound, Code::Conflict]),
        Route::post("/api/org/members/{member}/password-reset", reset)
            .needs(Action::MembersWrite)
            .of("member")
            .says("A one-time link with which the member sets a new password.")
            .shows_secret_once()
            .answers::<ResetLink>(201, "The link, which is shown once.")
            .errs(&[Code::NotFound]),
        Route::get("/api/org/invitations", invitations)
            .needs(Action::MembersWrite)
            .says("Invitations that wait to be taken up.")
            .query::<PageQuery>()
            .answers::<Page<Invitation>>(200, "Invitations, newest first, without their tokens."),
        Route::post("/api/org/invitations", invite)
            .needs(Action::MembersWrite)
            .says("Asks a person to become a member, in place of an earlier invitation to the same address.")
            .takes::<InvitationRequest>()
            .shows_secret_once()
            .answers::<NewInvitation>(201, "The invitation with its token, which is shown once.")
            .errs(&[Code::Conflict]),
        Route::delete("/api/org/invitations/{invitation}", revoke)
            .needs(Action::MembersWrite)
            .of("invitation")
            .says("Takes an invitation back.")
            .answers_plain(204, "Taken back.", "")
            .errs(&[Code::NotFound]),
    ]
}

/// `GET /api/org/members`
async fn list(cx: Cx, query: Query<PageQuery>) -> Reply<Found<Page<Member>>> {
    Ok(Found(access::members(&cx, &query.0.page()?)?))
}

/// `GET /api/org/members/{member}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<Found<Member>> {
    Ok(Found(access::member(&cx, part::<UserId>(&request, "member")?)?))
}

/// `PUT /api/org/members/{member}`
async fn update(cx: Cx, request: HttpRequest, body: Body<MemberPatch>) -> Reply<Found<Member>> {
    let id = part::<UserId>(&request, "member")?;
    check_unchanged(&request, || access::member(&cx, id))?;
    Ok(Found(access::update_member(&cx, id, body.0).await?))
}

/// `DELETE /api/org/members/{member}`
async fn remove(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    let id = part::<UserId>(&request, "member")?;
    check_unchanged(&request, || access::member(&cx, id))?;
    access::remove_member(&cx, id).await?;
    Ok(NoContent)
}

/// `POST /api/org/members/{member}/password-reset`
async fn reset(cx: Cx, request: HttpRequest) -> Reply<Created<ResetLink>> {
    let link = access::issue_reset(&cx, part::<UserId>(&request, "member")?).await?;
    Ok(Created { location: "/api/auth/password-reset/confirm".to_owned(), body: link })
}

/// `GET /api/org/invitations`
async fn invitations(cx: Cx, query: Query<PageQuery>) -> Reply<Found<Page<Invitation>>> {
    Ok(Found(access::invitations(&cx, &query.0.page()?)?))
}

/// `POST /api/org/invitations` and `POST /api/org/members`
async fn invite(cx: Cx, body: Body<InvitationRequest>) -> Reply<Created<NewInvitation>> {
    let made = access::invite(&cx, body.0).await?;
    Ok(Created { location: format!("/api/org/invitations/{}", made.invitation.id), body: made })
}

/// `DELETE /api/org/invitations/{invitation}`
async fn revoke(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    access::revoke_invitation(&cx, part::<InvitationId>(&request, "invitation")?).await?;
    Ok(NoContent)
}
