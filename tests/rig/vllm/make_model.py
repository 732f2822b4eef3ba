# SPDX-License-Identifier: Apache-2.0
"""Makes a tiny Qwen2 model without weights: make_model.py FOLDER

vLLM fills it with random weights (--load-format dummy). The text it writes is
gibberish, all else is real: tokenizer counts, prefix cache, usage, errors.
"""
import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
VOCABULARY = 600
TRAINING_TEXT = [
    "A gateway passes the request on to the replica that has seen its beginning before.",
    "The scheduler looks for a node with four free chips and finds one after a minute.",
    "Tokens arrive one by one, and the first of them is the one that people wait for.",
    "When something is stuck, say what it is, where it was seen, and what to do now.",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TRAINING_TEXT, trainer)
    return tokenizer


def model_config():
    return {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
        "vocab_size": VOCABULARY, "hidden_size": 128, "intermediate_size": 256,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 2048, "hidden_act": "silu", "rms_norm_eps": 1e-06,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "float32",
        "bos_token_id": 0, "eos_token_id": 2, "use_cache": True,
    }


def write_json(folder, name, value):
    (folder / name).write_text(json.dumps(value, indent=1) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    make_tokenizer().save(str(folder / "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHAT_TEMPLATE,
        "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "model_max_length": 2048,
    })
    write_json(folder, "config.json", model_config())
    write_json(folder, "generation_config.json", {"eos_token_id": 2, "pad_token_id": 0})


main()
