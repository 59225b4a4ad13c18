// The door of @ballsight/server.
export {};
