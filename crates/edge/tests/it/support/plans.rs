//! Plans that are what they are told, one version after the other.

use std::sync::{Arc, Mutex};

use rpc::Fault;
use rpc::billing::plans_server::Plans;
use rpc::billing::*;
use tonic::{Request, Response, Status};

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) plans: Vec<Plan>,
    pub(crate) puts: Vec<PutPlanRequest>,
    pub(crate) moves: Vec<MoveTenantRequest>,
    pub(crate) standings: Vec<Standing>,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakePlans(Arc<Mutex<Kept>>);

impl FakePlans {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn find(&self, name: &str) -> Result<Plan, Status> {
        let found = self.with(|kept| kept.plans.iter().find(|plan| plan.name == name).cloned());
        found.ok_or_else(|| Fault::not_found("The plan was not found.").into())
    }
}

#[tonic::async_trait]
impl Plans for FakePlans {
    async fn list_plans(
        &self,
        request: Request<ListPlansRequest>,
    ) -> Result<Response<ListPlansResponse>, Status> {
        let ListPlansRequest { after, limit } = request.into_inner();
        let mut plans = self.with(|kept| kept.plans.clone());
        plans.retain(|plan| plan.name > after);
        plans.truncate(limit as usize);
        Ok(Response::new(ListPlansResponse { plans }))
    }

    async fn read_plan(&self, request: Request<ReadPlanRequest>) -> Result<Response<Plan>, Status> {
        self.find(&request.into_inner().name).map(Response::new)
    }

    async fn put_plan(&self, request: Request<PutPlanRequest>) -> Result<Response<PutPlanResponse>, Status> {
        let request = request.into_inner();
        let was = self.find(&request.name).ok();
        let version = was.as_ref().map_or(0, |plan| plan.versions[0].version);
        if was.is_some_and(|plan| plan.versions[0].terms == request.terms) {
            return Ok(Response::new(PutPlanResponse { version, is_unchanged: true }));
        }
        let made = PlanVersion {
            version: version + 1,
            terms: request.terms.clone(),
            actor: request.actor.clone(),
            ..PlanVersion::default()
        };
        self.with(|kept| {
            kept.puts.push(request.clone());
            if request.dry_run {
                return;
            }
            match kept.plans.iter_mut().find(|plan| plan.name == request.name) {
                Some(plan) => plan.versions.insert(0, made),
                None => kept.plans.push(Plan { name: request.name, versions: vec![made], ..Plan::default() }),
            }
        });
        Ok(Response::new(PutPlanResponse { version: version + 1, is_unchanged: false }))
    }

    async fn move_tenant(
        &self,
        request: Request<MoveTenantRequest>,
    ) -> Result<Response<MoveTenantResponse>, Status> {
        let request = request.into_inner();
        self.find(&request.plan)?;
        self.with(|kept| kept.moves.push(request));
        Ok(Response::new(MoveTenantResponse { from_plan: "default".to_owned(), is_unchanged: false }))
    }

    async fn read_tenant_plan(
        &self,
        request: Request<ReadTenantPlanRequest>,
    ) -> Result<Response<TenantPlan>, Status> {
        let tenant = request.into_inner().tenant_id;
        let moved = self.with(|kept| kept.moves.iter().rfind(|one| one.tenant_id == tenant).cloned());
        let moved = moved.ok_or_else(|| Status::from(Fault::not_found("The tenant was not found.")))?;
        let moves = vec![PlanMove { plan: moved.plan.clone(), at_ms: 1_000, actor: moved.actor }];
        Ok(Response::new(TenantPlan { plan: Some(self.find(&moved.plan)?), moves }))
    }

    async fn list_standings(
        &self,
        request: Request<ListStandingsRequest>,
    ) -> Result<Response<ListStandingsResponse>, Status> {
        let ids = request.into_inner().tenant_ids;
        let mut standings = self.with(|kept| kept.standings.clone());
        standings.retain(|standing| ids.contains(&standing.tenant_id));
        Ok(Response::new(ListStandingsResponse { standings }))
    }
}
