//! A budgets service that keeps what it is told.

use std::sync::{Arc, Mutex};

use rpc::Fault;
use rpc::billing::budgets_server::Budgets;
use rpc::billing::*;
use tonic::{Request, Response, Status};
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) budgets: Vec<(String, Budget)>,
    pub(crate) settings: Option<PutNoticeSettingsRequest>,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakeBudgets(Arc<Mutex<Kept>>);

type Answer<T> = Result<Response<T>, Status>;

impl FakeBudgets {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn settings(&self, new_secret: &str) -> NoticeSettings {
        self.with(|kept| {
            let settings = kept.settings.clone().unwrap_or_default();
            NoticeSettings {
                has_secret: !settings.webhook_url.is_empty(),
                webhook_url: settings.webhook_url,
                new_secret: new_secret.to_owned(),
                low_balance: settings.low_balance,
            }
        })
    }
}

#[tonic::async_trait]
impl Budgets for FakeBudgets {
    async fn put_budget(&self, request: Request<PutBudgetRequest>) -> Answer<Budget> {
        let sent = request.into_inner();
        if sent.limit == 666_000_000_000 {
            return Err(Fault::invalid(
                "the limit of an interval must be below the limit of every longer one",
            )
            .into());
        }
        self.with(|kept| {
            let is_same = |(tenant, budget): &&mut (String, Budget)| {
                *tenant == sent.tenant_id
                    && budget.subject == sent.subject
                    && budget.interval == sent.interval
            };
            let known = kept.budgets.iter_mut().find(is_same);
            let mut budget = known.as_ref().map_or_else(
                || Budget {
                    account_id: Uuid::now_v7().to_string(),
                    subject: sent.subject.clone(),
                    interval: sent.interval.clone(),
                    spent: 1_250_000_000,
                    created_at_ms: 1_756_031_400_000,
                    ..Budget::default()
                },
                |(_, budget)| budget.clone(),
            );
            budget.limit = sent.limit;
            budget.remaining = sent.limit - budget.spent;
            budget.changed_at_ms = 1_756_050_300_000;
            budget.counts_own_keys = sent.counts_own_keys.unwrap_or(budget.counts_own_keys);
            match known {
                Some((_, known)) => *known = budget.clone(),
                None => kept.budgets.push((sent.tenant_id.clone(), budget.clone())),
            }
            Ok(Response::new(budget))
        })
    }

    async fn delete_budget(&self, request: Request<DeleteBudgetRequest>) -> Answer<DeleteBudgetResponse> {
        let sent = request.into_inner();
        self.with(|kept| {
            let before = kept.budgets.len();
            kept.budgets.retain(|(tenant, budget)| {
                *tenant != sent.tenant_id
                    || budget.subject != sent.subject
                    || budget.interval != sent.interval
            });
            Ok(Response::new(DeleteBudgetResponse { existed: kept.budgets.len() < before }))
        })
    }

    async fn list_budgets(&self, request: Request<ListBudgetsRequest>) -> Answer<ListBudgetsResponse> {
        let sent = request.into_inner();
        self.with(|kept| {
            let mine = kept.budgets.iter().filter(|(tenant, budget)| {
                *tenant == sent.tenant_id && (sent.subject.is_none() || budget.subject == sent.subject)
            });
            let mut budgets: Vec<Budget> = mine.map(|(_, budget)| budget.clone()).collect();
            budgets.sort_by(|a, b| a.account_id.cmp(&b.account_id));
            budgets.retain(|budget| budget.account_id > sent.after);
            budgets.truncate(usize::try_from(sent.limit.max(1)).unwrap().max(if sent.limit == 0 {
                100
            } else {
                1
            }));
            let counts_own_keys = budgets.iter().any(|budget| budget.counts_own_keys);
            Ok(Response::new(ListBudgetsResponse { budgets, counts_own_keys }))
        })
    }

    async fn get_credit_line(&self, _: Request<GetCreditLineRequest>) -> Answer<CreditLine> {
        let line =
            CreditLine { line: 500_000_000_000, owed: 20_000_000_000, held: 1, available: 479_999_999_999 };
        Ok(Response::new(line))
    }

    async fn get_notice_settings(&self, _: Request<GetNoticeSettingsRequest>) -> Answer<NoticeSettings> {
        Ok(Response::new(self.settings("")))
    }

    async fn put_notice_settings(
        &self,
        request: Request<PutNoticeSettingsRequest>,
    ) -> Answer<NoticeSettings> {
        self.with(|kept| kept.settings = Some(request.into_inner()));
        Ok(Response::new(self.settings("whsec_new")))
    }

    async fn list_notices(&self, _: Request<ListNoticesRequest>) -> Answer<ListNoticesResponse> {
        let notice = Notice {
            id: Uuid::now_v7().to_string(),
            r#type: "budget.threshold".to_owned(),
            body: r#"{"data":{"limit":"100"}}"#.to_owned(),
            created_at_ms: 1_756_031_400_000,
            delivery: "dead".to_owned(),
            tries: 8,
            last_error: "the server answered with status 500".to_owned(),
            delivered_at_ms: 0,
        };
        Ok(Response::new(ListNoticesResponse { notices: vec![notice] }))
    }
}
