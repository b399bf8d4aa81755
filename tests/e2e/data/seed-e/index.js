const pad = require("left-pad");

console.log(pad("padded", 10, "."));
