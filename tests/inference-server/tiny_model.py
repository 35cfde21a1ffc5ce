"""Writes a tiny language model with random weights: a real GGUF file, of no use but to tests."""

import gguf
import numpy

NAME = "tiny-random"
SEED = 1
LAYERS = 2
WIDTH = 64
INNER_WIDTH = 128
HEADS = 4
LONGEST_CONTEXT = 65536

UNKNOWN, BEGIN, END = 0, 1, 2
FIRST_BYTE = 3
FIRST_LETTER = FIRST_BYTE + 256

# A line for each tool and each turn. A call is bare JSON, which tells the server how to constrain an answer to one.
CHAT_TEMPLATE = """\
{%- for tool in tools or [] %}{{ '<tool>' + (tool | tojson) + '\\n' }}{% endfor %}
{%- for message in messages %}{{ '<' + message.role + '>' }}{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
{{- '{"name": "' + call.function.name + '", "arguments": ' }}{{ call.function.arguments | tojson }}{{ '}' }}
{%- endfor %}{{ '\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"""


def vocabulary():
    """Control tokens, every byte, and every printable ASCII character (the space as U+2581), with their kinds."""
    kinds = gguf.TokenType
    tokens = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    tokens += [(character.replace(" ", "\u2581"), kinds.NORMAL) for character in map(chr, range(32, 127))]
    return tokens


def weights(tokens):
    """Names and values of all tensors, the same in every run."""
    random = numpy.random.default_rng(SEED)

    def matrix(rows, columns):
        return (random.standard_normal((rows, columns)) / numpy.sqrt(columns)).astype(numpy.float32)

    ones = numpy.ones(WIDTH, dtype=numpy.float32)
    embedding, output = matrix(tokens, WIDTH), matrix(tokens, WIDTH)
    # The first dimension is large in every state, so that what it adds to an output is the same everywhere: letters
    # are likely, bytes and the end are not. Answers are readable and as long as they may be.
    embedding[:, 0] = 4
    output[:, 0] = -8
    output[FIRST_LETTER:, 0] = 0
    yield "token_embd.weight", embedding
    for layer in range(LAYERS):
        yield f"blk.{layer}.attn_norm.weight", ones
        for part in ("q", "k", "v", "output"):
            yield f"blk.{layer}.attn_{part}.weight", matrix(WIDTH, WIDTH)
        yield f"blk.{layer}.ffn_norm.weight", ones
        yield f"blk.{layer}.ffn_gate.weight", matrix(INNER_WIDTH, WIDTH)
        yield f"blk.{layer}.ffn_up.weight", matrix(INNER_WIDTH, WIDTH)
        yield f"blk.{layer}.ffn_down.weight", matrix(WIDTH, INNER_WIDTH)
    yield "output_norm.weight", ones
    yield "output.weight", output


def write(path):
    tokens = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(LONGEST_CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER_WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, values in weights(len(tokens)):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
