// What a request would get now. Nothing is executed, and nothing is kept.

import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { FormEvent } from "react";

import { admin, document } from "~/api/client";
import { TenantField } from "~/operator/TenantPicker";
import { Button, ButtonLink } from "~/ui/Button";
import { TextArea, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { ErrorNote, Loading } from "~/ui/Note";
import { Card, Page } from "~/ui/Page";

import { ExplanationView } from "./ExplanationView";
import type { Explanation } from "./decisions";

const route = getRouteApi("/inside/operator/explain");

const example = (model: string): string =>
  JSON.stringify(
    {
      model,
      messages: [{ role: "user", content: "Hello!" }],
      max_tokens: 500,
      provider: { sort: "price" },
    },
    null,
    2,
  );

interface Asked {
  body: string;
  tenant: string | undefined;
  region: string;
  seed: string;
}

/** @throws when the body is no object of JSON, or the seed is no number. */
export function bodyOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`The request is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("The request is an object of JSON, as clients send it.");
  return value as Record<string, unknown>;
}

async function explain({ body, tenant, region, seed }: Asked): Promise<Explanation> {
  const chat = bodyOf(body);
  if (!/^\d*$/.test(seed.trim())) throw new Error("A seed is a number, as an explanation tells it.");
  const query = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(region.trim() === "" ? {} : { region: region.trim() }),
    // Seeds are beyond what a number of JavaScript holds exactly.
    ...(seed.trim() === "" ? {} : { seed: seed.trim() as unknown as number }),
  };
  return document<Explanation>(admin.POST("/route/explain", { params: { query }, body: chat }));
}

export function ExplainPage() {
  const { model } = route.useSearch();
  const {
    form: asked,
    change,
    field,
  } = useForm<Asked>({
    body: example(model ?? "meta-llama/llama-3.3-70b-instruct"),
    tenant: undefined,
    region: "",
    seed: "",
  });
  const run = useMutation({ mutationFn: explain });
  function submit(event: FormEvent): void {
    event.preventDefault();
    run.mutate(asked);
  }
  return (
    <Page
      title="Explain a request"
      about="Which endpoints a chat would go to now, in which order, and why the others not. Nothing is sent to any provider."
      actions={<ButtonLink to="/operator/decisions">Past decisions</ButtonLink>}
    >
      <Card>
        <form className="form" onSubmit={submit}>
          <TextArea
            label="Request"
            hint="A chat's body as clients send it: models, provider, tools, max_tokens…"
            isCode
            required
            rows={11}
            {...field("body")}
          />
          <div className="input-row">
            <TenantField
              label="As tenant"
              placeholder="nobody: the default plan"
              value={asked.tenant}
              onChange={(tenant) => change({ tenant })}
            />
            <TextField label="Data region" placeholder="any" {...field("region")} />
            <TextField label="Seed" placeholder="a new draw" inputMode="numeric" {...field("seed")} />
          </div>
          <div className="form-actions">
            <Button kind="primary" type="submit" busy={run.isPending}>
              Explain
            </Button>
            {run.data ? (
              <Button onClick={() => change({ seed: run.data.seed })}>Keep this draw's seed</Button>
            ) : null}
          </div>
        </form>
      </Card>
      {run.error ? <ErrorNote error={run.error} /> : null}
      {run.isPending ? <Loading lines={8} /> : null}
      {run.data && !run.isPending ? <ExplanationView of={run.data} /> : null}
    </Page>
  );
}
