import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";

import { modelsQuery } from "~/models/models";
import { listOf } from "~/models/search";
import { found } from "~/shell/find";
import { Button } from "~/ui/Button";
import { TextArea, TextField } from "~/ui/Field";
import { fieldsOf } from "~/ui/form";
import { Page } from "~/ui/Page";

import { KeyGate } from "./KeyGate";
import { Lane, type Turn } from "./Lane";
import { WAITING } from "./answer";
import { forgetPlaygroundKey } from "./key";
import "./playground.css";
import { type Message, type Settings, run } from "./run";

const route = getRouteApi("/inside/playground");
const MOST = 4;
/** The most that an answer can cost is reserved beforehand: the longest ones of four models would be all of a small key. */
const FIRST_LONGEST = "4000";

type Lanes = Record<string, Turn[]>;

function messagesOf(system: string, turns: Turn[], prompt: string): Message[] {
  const before = turns
    .filter((turn) => turn.answer.text !== "")
    .flatMap((turn): Message[] => [
      { role: "user", content: turn.prompt },
      { role: "assistant", content: turn.answer.text },
    ]);
  const first: Message[] = system.trim() === "" ? [] : [{ role: "system", content: system }];
  return [...first, ...before, { role: "user", content: prompt }];
}

/** The turns of each model, and what runs. */
function useLanes(secret: string, models: string[]) {
  const [lanes, setLanes] = useState<Lanes>({});
  const [running, setRunning] = useState<AbortController | null>(null);
  const unfinished = useRef<AbortController | null>(null);
  unfinished.current = running;
  useEffect(() => () => unfinished.current?.abort(), []);

  function put(model: string, place: number, turn: Turn): void {
    setLanes((old) => ({ ...old, [model]: (old[model] ?? []).toSpliced(place, 1, turn) }));
  }

  async function ask(prompt: string, system: string, settings: Settings): Promise<void> {
    const controller = new AbortController();
    setRunning(controller);
    const asked = models.map(async (model) => {
      const turns = lanes[model] ?? [];
      const place = turns.length;
      put(model, place, { prompt, answer: WAITING });
      const request = {
        key: secret,
        model,
        messages: messagesOf(system, turns, prompt),
        settings,
        signal: controller.signal,
      };
      const answer = await run(request, (so) => put(model, place, { prompt, answer: so }));
      put(model, place, { prompt, answer });
    });
    await Promise.all(asked);
    setRunning(null);
  }

  return { lanes, isRunning: running !== null, ask, stop: () => running?.abort(), clear: () => setLanes({}) };
}

function ModelAdder({ taken, onAdd }: { taken: string[]; onAdd: (id: string) => void }) {
  const { data: models } = useQuery(modelsQuery);
  const [text, setText] = useState("");
  const fitting = (models ?? []).filter(
    (model) => model.architecture.output_modalities.includes("text") && !taken.includes(model.id),
  );
  const shown = text.trim() === "" ? [] : found(text, fitting, (model) => `${model.id} ${model.name}`, 8);

  function add(id: string | undefined): void {
    if (id === undefined) return;
    onAdd(id);
    setText("");
  }

  return (
    <div className="adder">
      <input
        type="search"
        className="input"
        placeholder={taken.length === 0 ? "Choose a model…" : "Add another model…"}
        aria-label="Add a model"
        disabled={taken.length >= MOST}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          add(shown[0]?.id);
        }}
      />
      {shown.length > 0 ? (
        <ul className="menu adder-list" aria-label="Models that fit">
          {shown.map((model) => (
            <li key={model.id}>
              <button type="button" className="menu-item" onClick={() => add(model.id)}>
                {model.id}
              </button>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

interface Typed {
  system: string;
  temperature: string;
  maxTokens: string;
  provider: string;
}

/** The settings that were typed; a text when one of them is wrong. */
function settingsOf(typed: Typed): Settings | string {
  const temperature = typed.temperature.trim() === "" ? null : Number(typed.temperature);
  const maxTokens = typed.maxTokens.trim() === "" ? null : Number(typed.maxTokens);
  if (temperature !== null && !Number.isFinite(temperature)) return "Temperature is a number.";
  if (maxTokens !== null && !Number.isInteger(maxTokens))
    return "Longest answer is a whole number of tokens.";
  try {
    const provider: unknown = typed.provider.trim() === "" ? null : JSON.parse(typed.provider);
    if (provider !== null && (typeof provider !== "object" || Array.isArray(provider)))
      return "Provider preferences are a JSON object.";
    return { temperature, maxTokens, provider: provider as Record<string, unknown> | null };
  } catch {
    return "Provider preferences are not JSON.";
  }
}

function SettingsPanel({ typed, onChange }: { typed: Typed; onChange: (changes: Partial<Typed>) => void }) {
  const { field } = fieldsOf(typed, onChange);
  return (
    <details className="playground-settings">
      <summary>Settings</summary>
      <div className="form">
        <TextArea label="System prompt" rows={3} {...field("system")} />
        <div className="input-row">
          <TextField
            label="Temperature"
            placeholder="the model's"
            inputMode="decimal"
            {...field("temperature")}
          />
          <TextField
            label="Longest answer (tokens)"
            placeholder="the model's"
            inputMode="numeric"
            {...field("maxTokens")}
          />
        </div>
        <TextArea
          label="Provider preferences"
          hint="As in requests, for example an order of providers or a sort by price."
          isCode
          rows={3}
          placeholder='{"sort": "throughput"}'
          {...field("provider")}
        />
      </div>
    </details>
  );
}

function Bench({
  secret,
  models,
  onModels,
}: {
  secret: string;
  models: string[];
  onModels: (models: string[]) => void;
}) {
  const { lanes, isRunning, ask, stop, clear } = useLanes(secret, models);
  const [prompt, setPrompt] = useState("");
  const [typed, setTyped] = useState<Typed>({
    system: "",
    temperature: "",
    maxTokens: FIRST_LONGEST,
    provider: "",
  });
  const settings = settingsOf(typed);
  const mistake = typeof settings === "string" ? settings : null;
  const isReady = models.length > 0 && prompt.trim() !== "" && !isRunning && mistake === null;

  function send(): void {
    if (!isReady || typeof settings === "string") return;
    setPrompt("");
    void ask(prompt.trim(), typed.system, settings);
  }

  function press(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  }

  return (
    <>
      <div className="bar">
        <ModelAdder taken={models} onAdd={(id) => onModels([...models, id])} />
        <Button size="small" onClick={clear} disabled={isRunning}>
          Begin anew
        </Button>
        <Button size="small" kind="quiet" onClick={forgetPlaygroundKey}>
          Forget the key
        </Button>
      </div>
      <div className="lanes" data-count={models.length}>
        {models.map((model) => (
          <Lane
            key={model}
            model={model}
            turns={lanes[model] ?? []}
            onRemove={() => onModels(models.filter((other) => other !== model))}
          />
        ))}
      </div>
      <div className="prompt">
        <TextArea
          label={<span className="visually-hidden">Prompt</span>}
          placeholder={
            models.length === 0
              ? "Choose a model first."
              : "Ask something. Enter sends, Shift+Enter begins a line."
          }
          rows={3}
          error={mistake}
          value={prompt}
          onChange={(event) => setPrompt(event.target.value)}
          onKeyDown={press}
        />
        {isRunning ? (
          <Button kind="danger" onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button kind="primary" disabled={!isReady} onClick={send}>
            Send
          </Button>
        )}
      </div>
      <SettingsPanel typed={typed} onChange={(changes) => setTyped({ ...typed, ...changes })} />
    </>
  );
}

export function PlaygroundPage() {
  const models = [...new Set(listOf(route.useSearch().models))].slice(0, MOST);
  const navigate = route.useNavigate();
  return (
    <Page
      title="Playground"
      about="One prompt, up to four models side by side: what they say, how fast, at what cost, and who served it."
    >
      <KeyGate why="Models are called with a key, as your programs do.">
        {(secret) => (
          <Bench
            secret={secret}
            models={models}
            onModels={(next) =>
              void navigate({
                search: { models: next.length === 0 ? undefined : next.join(",") },
                replace: true,
              })
            }
          />
        )}
      </KeyGate>
    </Page>
  );
}
