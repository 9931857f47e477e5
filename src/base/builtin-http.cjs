// Stands in for node:http inside the bundles (esbuild --alias). An ES import of node:http asks for
// every export, and one of them, WebSocket, loads all of undici: 60 ms of each command (measured,
// Node 24.21: 101 ms against 41 ms for a program that only imports node:http).
module.exports = process.getBuiltinModule("node:http");
