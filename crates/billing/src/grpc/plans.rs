//! Plans as callers speak of them.

use identity::TenantId;
use rpc::billing::plans_server::Plans;
use rpc::billing::{
    ListPlansRequest, ListPlansResponse, ListStandingsRequest, ListStandingsResponse, MoveTenantRequest,
    MoveTenantResponse, Plan, PlanMove, PlanVersion, PutPlanRequest, PutPlanResponse, ReadPlanRequest,
    ReadTenantPlanRequest, Standing, TenantPlan,
};
use rpc::convert::Malformed;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::store::plans;
use crate::{Error, Service};

/// Tenants that one call asks after.
const MAX_TENANTS: usize = 1_000;

#[tonic::async_trait]
impl Plans for Service {
    async fn list_plans(
        &self,
        request: Request<ListPlansRequest>,
    ) -> Result<Response<ListPlansResponse>, Status> {
        let ListPlansRequest { after, limit } = request.into_inner();
        let limit = (limit > 0).then_some(i64::from(limit));
        let plans = plans::list(&self.app.pool, &after, limit).await?;
        Ok(Response::new(ListPlansResponse { plans: plans.into_iter().map(told).collect() }))
    }

    async fn read_plan(&self, request: Request<ReadPlanRequest>) -> Result<Response<Plan>, Status> {
        let plan = plans::read(&self.app.pool, &request.into_inner().name).await?;
        Ok(Response::new(told(plan.ok_or(Error::Unknown("plan"))?)))
    }

    async fn put_plan(&self, request: Request<PutPlanRequest>) -> Result<Response<PutPlanResponse>, Status> {
        let PutPlanRequest { name, terms, actor, dry_run } = request.into_inner();
        let put = self.app.put_plan(name, &terms.unwrap_or_default(), actor, dry_run).await?;
        Ok(Response::new(PutPlanResponse { version: put.version, is_unchanged: put.is_unchanged }))
    }

    async fn move_tenant(
        &self,
        request: Request<MoveTenantRequest>,
    ) -> Result<Response<MoveTenantResponse>, Status> {
        let MoveTenantRequest { tenant_id, plan, actor } = request.into_inner();
        let tenant = super::tenant(&tenant_id)?;
        let (from_plan, is_unchanged) = self.app.move_tenant(tenant, plan, actor).await?;
        Ok(Response::new(MoveTenantResponse { from_plan, is_unchanged }))
    }

    async fn read_tenant_plan(
        &self,
        request: Request<ReadTenantPlanRequest>,
    ) -> Result<Response<TenantPlan>, Status> {
        let tenant = super::tenant(&request.into_inner().tenant_id)?;
        let name = plans::name_of(&self.app.pool, tenant).await?.ok_or(Error::Unknown("tenant"))?;
        let mut plan = plans::read(&self.app.pool, &name).await?.ok_or(Error::Unknown("plan"))?;
        plan.versions.0.truncate(1);
        let moves = plans::moves(&self.app.pool, tenant).await?.into_iter().map(|one| PlanMove {
            plan: one.plan,
            at_ms: one.at.timestamp_millis(),
            actor: one.actor,
        });
        Ok(Response::new(TenantPlan { plan: Some(told(plan)), moves: moves.collect() }))
    }

    async fn list_standings(
        &self,
        request: Request<ListStandingsRequest>,
    ) -> Result<Response<ListStandingsResponse>, Status> {
        let ids = request.into_inner().tenant_ids;
        if ids.len() > MAX_TENANTS {
            return Err(Malformed("tenant_ids").into());
        }
        let tenants = ids.iter().map(|id| super::tenant(id).map(TenantId::uuid));
        let tenants: Vec<Uuid> = tenants.collect::<Result<_, _>>()?;
        let standings = plans::standings(&self.app.pool, &tenants).await?.into_iter().map(|one| Standing {
            tenant_id: one.tenant_id.to_string(),
            plan: one.plan,
            is_postpaid: one.is_postpaid,
            balance: one.balance,
        });
        Ok(Response::new(ListStandingsResponse { standings: standings.collect() }))
    }
}

fn told(plan: plans::Plan) -> Plan {
    let version = |one: plans::Version| PlanVersion {
        version: one.version,
        terms: Some(one.terms.told()),
        created_at_ms: one.created_at_ms,
        actor: one.actor,
    };
    Plan {
        name: plan.name,
        created_at_ms: plan.created_at.timestamp_millis(),
        tenants: plan.tenants,
        versions: plan.versions.0.into_iter().map(version).collect(),
    }
}
