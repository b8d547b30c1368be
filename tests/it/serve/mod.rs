//! What is served over HTTP.

mod browser;
mod cloud_tasks;
mod google_clients;
mod http_server;
mod jobs;
mod killed;
mod pages;
mod program;
mod readings;
mod rest;
mod rest_bad_input;
mod rpc_http;
mod running;
mod stopping;
