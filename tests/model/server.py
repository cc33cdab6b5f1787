"""A real model server for the tests: llama.cpp's, with a language model of half a megabyte that knows nothing.

The model is made here, of random numbers with a fixed seed, so nothing is downloaded and the same prompt gives the
same text. What it says is nonsense in English words; that the server speaks OpenAI's protocol is what counts.

    server.py FOLDER

makes the model in FOLDER, serves it on a free port, prints the address, and ends when its standard input does.
"""

import pathlib
import sys

import gguf
import numpy
import xllamacpp

NAME = "nonsense"
LAYERS = 2
WIDTH = 64
INNER = 128
HEADS = 4
CONTEXT = 4096

# <unk>, <s>, </s>, then every byte, so that any prompt can be read, then words, so that replies look like text.
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
WORDS = """a about after all am an and any are as at be been but by can come could day did do down each find first
for from get go good had has have he her here him his how I if in into is it its just know like little long look made
make man many may me might more most much must my never new no not now number of on one only or other our out over
people said see she so some such take than that the their them then there these they thing think this time to too two
under up us very was water way we well went were what when where which while who will with word work world would year
you your . , ? !""".split()

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def make(path):
    """Writes the model."""
    words = ["▁" + word if word[0].isalpha() else word for word in WORDS]
    tokens = SPECIAL + BYTES + words
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * len(BYTES) + [gguf.TokenType.NORMAL] * len(words)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(SPECIAL + BYTES) + [-float(rank) for rank in range(len(words))])
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)

    random = numpy.random.default_rng(5)

    def matrix(rows, columns):
        return random.normal(0, 1 / numpy.sqrt(columns), (rows, columns)).astype(numpy.float32)

    # Bytes and special tokens are as likely as the average word, which is next to never: it speaks in words.
    output = 8 * matrix(len(tokens), WIDTH)
    output[: len(SPECIAL + BYTES)] = 0
    writer.add_tensor("token_embd.weight", matrix(len(tokens), WIDTH))
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        for part in ["attn_norm", "ffn_norm"]:
            writer.add_tensor(f"blk.{layer}.{part}.weight", numpy.ones(WIDTH, numpy.float32))
        for part in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            writer.add_tensor(f"blk.{layer}.{part}.weight", matrix(WIDTH, WIDTH))
        for part in ["ffn_gate", "ffn_up"]:
            writer.add_tensor(f"blk.{layer}.{part}.weight", matrix(INNER, WIDTH))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", matrix(WIDTH, INNER))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path):
    """Serves the model until standard input ends."""
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    model = pathlib.Path(sys.argv[1]) / f"{NAME}.gguf"
    make(model)
    serve(model)
