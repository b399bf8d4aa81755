const app = require("../src/app");

describe("things", () => {
  let server, url;
  beforeAll((done) => {
    server = app.listen(0, "127.0.0.1", () => {
      url = `http://127.0.0.1:${server.address().port}/things`;
      done();
    });
  });
  afterAll((done) => server.close(done));

  it("has one thing at first", async () => {
    expect(await (await fetch(url)).json()).toEqual(["build an image"]);
  });
  it("refuses a thing without a name", async () => {
    const headers = { "content-type": "application/json" };
    expect((await fetch(url, { method: "POST", headers, body: "{}" })).status).toBe(400);
  });
});
