const path = require("path");
const express = require("express");

const things = ["build an image"];
const app = express();
app.use(express.json());
app.use(express.static(path.join(__dirname, "static")));
app.get("/things", (request, response) => response.json(things));
app.post("/things", (request, response) => {
  if (!request.body.name) return response.status(400).json({ error: "a thing needs a name" });
  things.push(request.body.name);
  return response.status(201).json(things);
});

module.exports = app;
