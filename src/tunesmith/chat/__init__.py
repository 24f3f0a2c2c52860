"""Conversations to tokens and back, with the model's own chat template. Needs tokenizers and Jinja only."""

from tunesmith.chat.parse import Parsed, parse_answer
from tunesmith.chat.render import Chat, load_chat, load_tokenizer

__all__ = ["Chat", "Parsed", "load_chat", "load_tokenizer", "parse_answer"]
