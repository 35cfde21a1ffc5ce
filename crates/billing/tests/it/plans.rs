//! Plans in versions, the terms that follow from them, and tenants that move between them.

use identity::{KeyId, TenantId};
use rpc::billing::{
    GetTermsRequest, ListPlansRequest, ListStandingsRequest, MoveTenantRequest, OpenTenantRequest, Plan,
    PlanTerms, PutPlanRequest, PutPlanResponse, ReadPlanRequest, ReadTenantPlanRequest, TenantPlan, Terms,
};
use rpc::pricing::MarkupOverride;
use sqlx::postgres::PgListener;
use tonic::{Code, Status};

use crate::support::Billing;

const DOLLAR: i64 = 1_000_000_000;

fn over(provider: &str, model: &str, basis_points: i32) -> MarkupOverride {
    MarkupOverride { provider: provider.to_owned(), model: model.to_owned(), basis_points }
}

fn terms(markup_basis_points: i32) -> PlanTerms {
    PlanTerms { markup_basis_points, own_key_fee_basis_points: 500, ..PlanTerms::default() }
}

fn postpaid(credit_limit: i64) -> PlanTerms {
    PlanTerms { is_postpaid: true, credit_limit, ..terms(0) }
}

impl Billing {
    async fn put(&self, name: &str, terms: PlanTerms) -> Result<PutPlanResponse, Status> {
        self.put_with(name, terms, false).await
    }

    async fn put_with(&self, name: &str, terms: PlanTerms, dry_run: bool) -> Result<PutPlanResponse, Status> {
        let request = PutPlanRequest {
            name: name.to_owned(),
            terms: Some(terms),
            actor: "operator:ada".to_owned(),
            dry_run,
        };
        Ok(self.plans.clone().put_plan(request).await?.into_inner())
    }

    async fn plan(&self, name: &str) -> Plan {
        let request = ReadPlanRequest { name: name.to_owned() };
        self.plans.clone().read_plan(request).await.unwrap().into_inner()
    }

    /// The plan that the tenant was on, and whether it is the same.
    async fn move_to(&self, tenant: TenantId, plan: &str) -> Result<(String, bool), Status> {
        let request = MoveTenantRequest {
            tenant_id: tenant.to_string(),
            plan: plan.to_owned(),
            actor: "operator:ada".to_owned(),
        };
        let moved = self.plans.clone().move_tenant(request).await?.into_inner();
        Ok((moved.from_plan, moved.is_unchanged))
    }

    async fn tenant_plan(&self, tenant: TenantId) -> TenantPlan {
        let request = ReadTenantPlanRequest { tenant_id: tenant.to_string() };
        self.plans.clone().read_tenant_plan(request).await.unwrap().into_inner()
    }

    async fn open_on(&self, plan: &str) -> TenantId {
        let tenant = TenantId::generate();
        let open = OpenTenantRequest {
            tenant_id: tenant.to_string(),
            plan: plan.to_owned(),
            markup_basis_points: 0,
        };
        self.client.clone().open_tenant(open).await.unwrap();
        tenant
    }

    async fn terms_of(&self, tenant: TenantId) -> Terms {
        self.terms(tenant, KeyId::generate()).await
    }

    /// Writes down what credit lines are put, in place of putting them.
    async fn record_credit_lines(&self) {
        sqlx::raw_sql(
            "create table public.line (n serial, tenant uuid, nano bigint);
             drop function if exists billing.put_credit_line(uuid, bigint);
             create function billing.put_credit_line(uuid, bigint) returns void language sql security definer as $$
                 insert into public.line (tenant, nano) values ($1, $2) $$",
        )
        .execute(self.admin())
        .await
        .unwrap();
    }

    /// The credit lines that were put since this was last asked.
    async fn credit_lines(&self) -> Vec<(TenantId, i64)> {
        let rows: Vec<(uuid::Uuid, i64)> = sqlx::query_as(
            "with taken as (delete from public.line returning *) select tenant, nano from taken order by n",
        )
        .fetch_all(self.admin())
        .await
        .unwrap();
        rows.into_iter().map(|(tenant, nano)| (TenantId::from_uuid(tenant), nano)).collect()
    }
}

#[tokio::test]
async fn the_same_terms_make_no_new_version() {
    let billing = Billing::start().await;
    let full = |overrides: Vec<MarkupOverride>| PlanTerms {
        markup_basis_points: 1_000,
        markup_overrides: overrides,
        purchase_fee_basis_points: 550,
        purchase_fee_minimum: 800_000_000,
        own_key_fee_basis_points: 400,
        own_key_allowance: Some(200_000 * DOLLAR),
        is_postpaid: true,
        credit_limit: 5_000 * DOLLAR,
    };
    let overrides =
        [over("acme", "", 1), over("", "lab/one", 2), over("acme", "lab/one", 3), over("zeta", "", 4)];
    let put = billing.put("team", full(overrides.to_vec())).await.unwrap();
    assert_eq!((put.version, put.is_unchanged), (1, false));
    let again = billing.put("team", full(overrides.iter().rev().cloned().collect())).await.unwrap();
    assert_eq!((again.version, again.is_unchanged), (1, true), "the order of overrides is no difference");

    let dry = billing.put_with("team", full(Vec::new()), true).await.unwrap();
    assert_eq!((dry.version, dry.is_unchanged), (2, false));
    let dry = billing.put_with("nobody", terms(0), true).await.unwrap();
    assert_eq!((dry.version, dry.is_unchanged), (1, false));
    let read = billing.plan("team").await;
    assert_eq!(read.versions.len(), 1, "a dry run changes nothing");
    let kept = read.versions[0].clone();
    assert_eq!(kept.actor, "operator:ada");
    let [first, second, third, fourth] = overrides;
    assert_eq!(kept.terms.unwrap(), full(vec![third, second, first, fourth]), "the most specific come first");

    for markup in [1_001, 1_000] {
        let terms = PlanTerms { markup_basis_points: markup, ..full(Vec::new()) };
        billing.put("team", terms).await.unwrap();
    }
    let versions: Vec<i32> = billing.plan("team").await.versions.iter().map(|one| one.version).collect();
    assert_eq!(versions, [3, 2, 1], "what was in force once makes a version again");
    let list = billing.plans.clone().list_plans(ListPlansRequest::default()).await.unwrap().into_inner();
    let listed: Vec<(&str, i32)> =
        list.plans.iter().map(|plan| (&*plan.name, plan.versions[0].version)).collect();
    assert_eq!(listed, [("default", 1), ("team", 3)]);
    let page = ListPlansRequest { after: "default".to_owned(), limit: 1 };
    let page = billing.plans.clone().list_plans(page).await.unwrap().into_inner();
    assert_eq!(page.plans.iter().map(|plan| &*plan.name).collect::<Vec<_>>(), ["team"]);
}

#[tokio::test]
async fn many_who_put_the_same_make_one_version() {
    let billing = Billing::start().await;
    let puts = (0..16).map(|_| billing.put("team", terms(700)));
    let made = futures::future::join_all(puts).await;
    assert_eq!(made.iter().filter(|put| !put.as_ref().unwrap().is_unchanged).count(), 1);
    assert_eq!(billing.plan("team").await.versions.len(), 1);
}

#[tokio::test]
async fn terms_that_mean_nothing_are_refused() {
    let billing = Billing::start().await;
    let refused = [
        terms(-1),
        terms(100_001),
        PlanTerms { purchase_fee_basis_points: 10_001, ..terms(0) },
        PlanTerms { purchase_fee_minimum: -1, ..terms(0) },
        PlanTerms { own_key_fee_basis_points: 10_001, ..terms(0) },
        PlanTerms { own_key_allowance: Some(-1), ..terms(0) },
        PlanTerms { credit_limit: 1, ..terms(0) },
        PlanTerms { markup_overrides: vec![over("", "", 1)], ..terms(0) },
        PlanTerms { markup_overrides: vec![over("acme", "", -1)], ..terms(0) },
        PlanTerms { markup_overrides: vec![over("", "lab/one:free", 1)], ..terms(0) },
        PlanTerms { markup_overrides: vec![over("acme", "", 1), over("acme", "", 2)], ..terms(0) },
        PlanTerms { markup_overrides: (0..257).map(|n| over(&format!("p{n}"), "", 1)).collect(), ..terms(0) },
    ];
    for terms in refused {
        let status = billing.put("team", terms.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{terms:?}");
    }
    for name in ["", "Team", "a b", &"x".repeat(65)] {
        assert_eq!(billing.put(name, terms(0)).await.unwrap_err().code(), Code::InvalidArgument, "{name}");
    }
    let read = billing.plans.clone().read_plan(ReadPlanRequest { name: "team".to_owned() }).await;
    assert_eq!(read.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn versions_and_moves_are_written_once() {
    let billing = Billing::start().await;
    billing.put("team", PlanTerms { markup_overrides: vec![over("acme", "", 1)], ..terms(0) }).await.unwrap();
    let tenant = billing.open_on("team").await;
    billing.move_to(tenant, "default").await.unwrap();
    for change in [
        "update billing.plan_version set markup_bps = 1",
        "delete from billing.plan_version",
        "update billing.plan_override set markup_bps = 2",
        "delete from billing.plan_override",
        "truncate billing.plan_override",
        "update billing.plan_move set actor = ''",
        "delete from billing.plan_move",
        "truncate billing.plan_move",
        // Belongs to a version that was there before.
        "insert into billing.plan_override select plan_id, version, 'late', '', 1 from billing.plan_version",
    ] {
        let error = sqlx::query(change).execute(billing.admin()).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code()).unwrap();
        assert_eq!(code, "23001", "{change}");
    }
}

#[tokio::test]
async fn the_version_in_force_is_what_a_key_buys_at() {
    let billing = Billing::start().await;
    let overrides = vec![over("acme", "", 100), over("acme", "lab/one", 200)];
    billing.put("team", PlanTerms { markup_overrides: overrides, ..terms(1_500) }).await.unwrap();
    let tenant = billing.open_on("team").await;
    let told = billing.terms_of(tenant).await;
    assert_eq!(told.markup_basis_points, 1_500);
    assert_eq!(told.markup_overrides, [over("acme", "lab/one", 200), over("acme", "", 100)]);
    assert_eq!(told.own_keys.unwrap().fee_basis_points, 500);

    billing.put("team", PlanTerms { own_key_fee_basis_points: 0, ..terms(20) }).await.unwrap();
    let told = billing.terms_of(tenant).await;
    assert_eq!((told.markup_basis_points, told.markup_overrides.len()), (20, 0));
    assert_eq!(told.own_keys.unwrap().fee_basis_points, 0);
}

#[tokio::test]
async fn the_default_plan_charges_own_keys_as_the_public_terms_do() {
    let billing = Billing::start().await;
    let plan = billing.plan("default").await.versions[0].terms.clone().unwrap();
    assert_eq!((plan.markup_basis_points, plan.own_key_fee_basis_points), (0, 500));
    assert_eq!(plan.own_key_allowance, Some(25_000 * DOLLAR));
    billing
        .put("default", PlanTerms { markup_overrides: vec![over("acme", "", 7)], ..terms(30) })
        .await
        .unwrap();
    let nobody = billing.client.clone().get_terms(GetTermsRequest::default()).await.unwrap().into_inner();
    assert_eq!((nobody.markup_basis_points, nobody.markup_overrides), (30, vec![over("acme", "", 7)]));
}

#[tokio::test]
async fn every_move_is_kept_and_none_is_made_twice() {
    let billing = Billing::start().await;
    billing.put("team", terms(1_000)).await.unwrap();
    let tenant = billing.customer(0).await.tenant;
    assert_eq!(billing.move_to(tenant, "team").await.unwrap(), ("default".to_owned(), false));
    assert_eq!(billing.move_to(tenant, "team").await.unwrap(), ("team".to_owned(), true));
    assert_eq!(billing.move_to(tenant, "default").await.unwrap(), ("team".to_owned(), false));
    let known = billing.tenant_plan(tenant).await;
    let moves: Vec<(&str, &str)> = known.moves.iter().map(|one| (&*one.plan, &*one.actor)).collect();
    assert_eq!(moves, [("default", "operator:ada"), ("team", "operator:ada"), ("default", "")]);
    let plan = known.plan.unwrap();
    assert_eq!((plan.name.as_str(), plan.versions.len()), ("default", 1));
    assert_eq!(billing.plan("team").await.tenants, 0);

    assert_eq!(billing.move_to(tenant, "nobodys").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(billing.move_to(TenantId::generate(), "team").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(billing.tenant_plan(tenant).await.moves.len(), 3, "what is refused leaves no trace");
}

#[tokio::test]
async fn postpaid_tenants_get_their_line_and_every_change_of_it() {
    let billing = Billing::start().await;
    billing.record_credit_lines().await;
    billing.put("late", postpaid(500 * DOLLAR)).await.unwrap();
    let (first, second) = (billing.open_on("late").await, billing.open_on("default").await);
    assert_eq!(billing.credit_lines().await, [(first, 500 * DOLLAR)], "from the day it opens");
    billing.move_to(second, "late").await.unwrap();
    assert_eq!(billing.credit_lines().await, [(second, 500 * DOLLAR)]);
    billing.put("late", PlanTerms { markup_basis_points: 9, ..postpaid(500 * DOLLAR) }).await.unwrap();
    assert_eq!(billing.credit_lines().await, [], "the same line again is none");
    billing.put("late", postpaid(200 * DOLLAR)).await.unwrap();
    let mut lines = billing.credit_lines().await;
    lines.sort_by_key(|(tenant, _)| *tenant != first);
    assert_eq!(lines, [(first, 200 * DOLLAR), (second, 200 * DOLLAR)]);
    billing.move_to(first, "default").await.unwrap();
    assert_eq!(billing.credit_lines().await, [(first, 0)], "who pays in advance owes nothing");
}

#[tokio::test]
async fn what_tenants_are_on_and_have_left_is_said_of_many_at_once() {
    let billing = Billing::start().await;
    billing.put("late", postpaid(500 * DOLLAR)).await.unwrap();
    let customer = billing.customer(1_234).await;
    let late = billing.open_on("late").await;
    let ids = [customer.tenant, late, TenantId::generate()].map(|tenant| tenant.to_string());
    let asked = ListStandingsRequest { tenant_ids: ids.to_vec() };
    let mut standings = billing.plans.clone().list_standings(asked).await.unwrap().into_inner().standings;
    standings.sort_by_key(|standing| standing.is_postpaid);
    let said: Vec<(&str, &str, bool, i64)> = standings
        .iter()
        .map(|one| (one.tenant_id.as_str(), one.plan.as_str(), one.is_postpaid, one.balance))
        .collect();
    let plan = billing.tenant_plan(customer.tenant).await.plan.unwrap().name;
    assert_eq!(said, [(ids[0].as_str(), plan.as_str(), false, 1_234), (ids[1].as_str(), "late", true, 0)]);
}

#[tokio::test]
async fn a_purchase_costs_its_share_and_at_least_the_minimum() {
    let billing = Billing::start().await;
    let fees = PlanTerms { purchase_fee_basis_points: 550, purchase_fee_minimum: 800_000_000, ..terms(0) };
    billing.put("card", fees).await.unwrap();
    let (card, plain) = (billing.open_on("card").await, billing.open_on("default").await);
    let fee = async |tenant: TenantId, amount: i64| -> Result<i64, sqlx::Error> {
        let query =
            sqlx::query_scalar("select billing.purchase_fee($1, $2)").bind(tenant.uuid()).bind(amount);
        query.fetch_one(&billing.database.pool()).await
    };
    assert_eq!(fee(card, 100 * DOLLAR).await.unwrap(), 5_500_000_000);
    assert_eq!(fee(card, 5 * DOLLAR).await.unwrap(), 800_000_000);
    assert_eq!(fee(card, 1_000_000_000_000_000_300).await.unwrap(), 55_000_000_000_000_016, "half to even");
    assert_eq!(fee(plain, 100 * DOLLAR).await.unwrap(), 0);
    let unknown = fee(TenantId::generate(), 1).await.unwrap_err();
    assert_eq!(unknown.as_database_error().and_then(|error| error.code()).unwrap(), "PB404");
}

#[tokio::test]
async fn every_edge_is_told_of_other_terms() {
    let billing = Billing::start().await;
    let tenant = billing.open_on("default").await;
    let mut listener = PgListener::connect_with(billing.admin()).await.unwrap();
    listener.listen("patchbay_terms").await.unwrap();
    billing.put("team", terms(5)).await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "", "a plan is many tenants'");
    billing.put("team", terms(5)).await.unwrap();
    billing.move_to(tenant, "team").await.unwrap();
    assert_eq!(
        listener.recv().await.unwrap().payload(),
        tenant.to_string(),
        "what changes nothing tells nothing"
    );
}
