//! Adapters against far ends that behave as scripted, well or badly.

mod forms;
mod hostile;
mod langchain;
mod openai;
mod webhook;
