const fs = require("fs");

fs.mkdirSync("dist/site", { recursive: true });
fs.writeFileSync("dist/site/index.html", "<h1>built</h1>\n");
