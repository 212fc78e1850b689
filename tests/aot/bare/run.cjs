// Usage: node run.cjs FILE. Runs a module of start.c, which may import nothing, and writes its bytes.
"use strict";
const fs = require("fs");
const module_ = new WebAssembly.Module(fs.readFileSync(process.argv[2]));
const imports = WebAssembly.Module.imports(module_);
if (imports.length > 0) throw new Error("it imports " + imports[0].name);
const given = new WebAssembly.Instance(module_, {}).exports;
let status = 1;
try {
    status = given.run();
} finally {
    const said = Buffer.from(given.memory.buffer, given.said(), given.count());
    for (let at = 0; at < said.length; ) at += fs.writeSync(1, said, at);
    process.exitCode = status;
}
