//! Budgets as callers speak of them.

use chrono::{DateTime, Utc};
use rpc::billing::budgets_server::Budgets;
use rpc::billing::{
    Budget, CreditLine, DeleteBudgetRequest, DeleteBudgetResponse, GetCreditLineRequest,
    GetNoticeSettingsRequest, Holder, ListBudgetsRequest, ListBudgetsResponse, ListNoticesRequest,
    ListNoticesResponse, Notice, NoticeSettings, PutBudgetRequest, PutNoticeSettingsRequest, Subject,
};
use rpc::convert::{self, Malformed};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::app::notices::Wanted;
use crate::store::accounts::LIMIT_MAX;
use crate::store::budgets::{self, Filter, Place};
use crate::store::notices;
use crate::{Error, Service};

/// Rows of a page unless the caller says otherwise, and at most.
const PAGE: u32 = 100;
const PAGE_MAX: u32 = 1_000;

#[tonic::async_trait]
impl Budgets for Service {
    async fn put_budget(&self, request: Request<PutBudgetRequest>) -> Result<Response<Budget>, Status> {
        let request = request.into_inner();
        let place = place(&request.tenant_id, request.subject, request.interval)?;
        if !(1..=LIMIT_MAX).contains(&request.limit) {
            return Err(Malformed("limit").into());
        }
        let budget = self.app.put_budget(place, request.limit, request.counts_own_keys).await?;
        Ok(Response::new(shown(budget)))
    }

    async fn delete_budget(
        &self,
        request: Request<DeleteBudgetRequest>,
    ) -> Result<Response<DeleteBudgetResponse>, Status> {
        let request = request.into_inner();
        let place = place(&request.tenant_id, request.subject, request.interval)?;
        let existed = self.app.delete_budget(place).await?;
        Ok(Response::new(DeleteBudgetResponse { existed }))
    }

    async fn list_budgets(
        &self,
        request: Request<ListBudgetsRequest>,
    ) -> Result<Response<ListBudgetsResponse>, Status> {
        let request = request.into_inner();
        let tenant = super::tenant(&request.tenant_id)?;
        let filter = Filter {
            tenant,
            subject: request.subject.map(subject).transpose()?,
            account: None,
            after: super::optional(&request.after, "after")?.unwrap_or(Uuid::nil()),
            limit: page(request.limit),
        };
        let counts_own_keys = match &filter.subject {
            Some((kind, id)) => budgets::counts_own_keys(&self.app.pool, tenant, kind, *id).await?,
            None => false,
        };
        let found = budgets::list(&self.app.pool, &filter).await?;
        let budgets = found.into_iter().map(shown).collect();
        Ok(Response::new(ListBudgetsResponse { budgets, counts_own_keys }))
    }

    async fn get_credit_line(
        &self,
        request: Request<GetCreditLineRequest>,
    ) -> Result<Response<CreditLine>, Status> {
        let tenant = super::tenant(&request.into_inner().tenant_id)?;
        let line = budgets::credit_line(&self.app.pool, tenant).await?.ok_or(Error::Unknown("tenant"))?;
        Ok(Response::new(CreditLine {
            line: line.line,
            owed: line.posted.saturating_neg().max(0),
            held: line.held,
            available: line.available.max(0),
        }))
    }

    async fn get_notice_settings(
        &self,
        request: Request<GetNoticeSettingsRequest>,
    ) -> Result<Response<NoticeSettings>, Status> {
        let tenant = super::tenant(&request.into_inner().tenant_id)?;
        Ok(Response::new(settings(self.app.notice_settings(tenant).await?, None)))
    }

    async fn put_notice_settings(
        &self,
        request: Request<PutNoticeSettingsRequest>,
    ) -> Result<Response<NoticeSettings>, Status> {
        let request = request.into_inner();
        let tenant = super::tenant(&request.tenant_id)?;
        if request.low_balance.is_some_and(|nanos| !(1..=LIMIT_MAX).contains(&nanos)) {
            return Err(Malformed("low_balance").into());
        }
        let sent = |text: String| Some(text).filter(|text| !text.is_empty());
        let wanted = Wanted {
            webhook_url: sent(request.webhook_url),
            secret: sent(request.webhook_secret),
            low_balance: request.low_balance,
        };
        let made = self.app.put_notice_settings(tenant, wanted).await?;
        Ok(Response::new(settings(self.app.notice_settings(tenant).await?, made)))
    }

    async fn list_notices(
        &self,
        request: Request<ListNoticesRequest>,
    ) -> Result<Response<ListNoticesResponse>, Status> {
        let request = request.into_inner();
        let tenant = super::tenant(&request.tenant_id)?;
        let before = super::optional(&request.after, "after")?;
        let found = notices::list(&self.app.pool, tenant, before, page(request.limit)).await?;
        Ok(Response::new(ListNoticesResponse { notices: found.into_iter().map(told).collect() }))
    }
}

fn settings(kept: notices::Settings, new_secret: Option<String>) -> NoticeSettings {
    NoticeSettings {
        webhook_url: kept.webhook_url.unwrap_or_default(),
        new_secret: new_secret.unwrap_or_default(),
        has_secret: kept.has_secret,
        low_balance: kept.low_balance,
    }
}

fn told(notice: notices::Notice) -> Notice {
    Notice {
        id: notice.notice_id.to_string(),
        r#type: notice.kind,
        body: notice.body,
        created_at_ms: millis(notice.created_at),
        delivery: notice.delivery,
        tries: u32::try_from(notice.tries).unwrap_or(0),
        last_error: notice.last_error.unwrap_or_default(),
        delivered_at_ms: notice.delivered_at.map_or(0, millis),
    }
}

fn place(tenant: &str, of: Option<Subject>, interval: String) -> Result<Place, Malformed> {
    let (subject_kind, subject) = subject(of.ok_or(Malformed("subject"))?)?;
    if !matches!(interval.as_str(), "" | "daily" | "weekly" | "monthly") {
        return Err(Malformed("interval"));
    }
    Ok(Place { tenant: super::tenant(tenant)?, subject_kind, subject, reset: interval })
}

fn subject(subject: Subject) -> Result<(String, Uuid), Malformed> {
    if !matches!(subject.kind.as_str(), "workspace" | "member" | "guardrail") {
        return Err(Malformed("subject.kind"));
    }
    Ok((subject.kind, convert::id(&subject.id, "subject.id")?))
}

fn page(limit: u32) -> i64 {
    i64::from(if limit == 0 { PAGE } else { limit.min(PAGE_MAX) })
}

fn shown(budget: budgets::Budget) -> Budget {
    // The rule of a guardrail has no window of its own.
    let is_rule = budget.subject_kind == "guardrail" && budget.holder.is_none();
    let left = if is_rule { budget.limit } else { budget.left };
    Budget {
        account_id: budget.account_id.to_string(),
        subject: Some(Subject { kind: budget.subject_kind, id: budget.subject.to_string() }),
        interval: budget.reset,
        limit: budget.limit,
        spent: budget.limit.saturating_sub(left),
        held: budget.held,
        remaining: left.max(0),
        window_ends_at_ms: budget.ends_at.map_or(0, millis),
        counts_own_keys: budget.counts_own_keys,
        created_at_ms: millis(budget.created_at),
        changed_at_ms: millis(budget.changed_at),
        holder: budget.holder_kind.zip(budget.holder).map(|(kind, id)| Holder { kind, id: id.to_string() }),
    }
}

fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}
