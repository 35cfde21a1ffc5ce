// How to call the platform from what people have.

export interface Snippet {
  id: string;
  label: string;
  code: (origin: string, key: string, model: string) => string;
}

export const SNIPPETS: Snippet[] = [
  {
    id: "curl",
    label: "curl",
    code: (origin, key, model) => `curl ${origin}/api/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "${model}",
    "messages": [{"role": "user", "content": "Say hello."}]
  }'`,
  },
  {
    id: "python",
    label: "OpenAI, Python",
    code: (origin, key, model) => `from openai import OpenAI

client = OpenAI(base_url="${origin}/api/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.choices[0].message.content)`,
  },
  {
    id: "node",
    label: "OpenAI, Node",
    code: (origin, key, model) => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${origin}/api/v1", apiKey: "${key}" });
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Say hello." }],
});
console.log(answer.choices[0].message.content);`,
  },
  {
    id: "langchain",
    label: "LangChain",
    code: (origin, key, model) => `from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="${origin}/api/v1", api_key="${key}", model="${model}")
print(model.invoke("Say hello.").content)`,
  },
  {
    id: "anthropic",
    label: "Anthropic, Python",
    code: (origin, key, model) => `import anthropic

client = anthropic.Anthropic(base_url="${origin}/api", auth_token="${key}")
answer = client.messages.create(
    model="${model}",
    max_tokens=200,
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.content[0].text)`,
  },
  {
    id: "claude-code",
    label: "Claude Code",
    code: (origin, key, model) => `export ANTHROPIC_BASE_URL="${origin}/api"
export ANTHROPIC_AUTH_TOKEN="${key}"
export ANTHROPIC_MODEL="${model}"
claude`,
  },
];
