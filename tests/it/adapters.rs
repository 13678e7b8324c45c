//! Adapters against far ends that behave as scripted, well or badly.

mod forms;
mod hostile;
mod openai;
mod webhook;
