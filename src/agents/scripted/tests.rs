mod parts;
mod processes;
