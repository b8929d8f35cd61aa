// Azurite's own answer to which operation each request is that stands in the JSON on standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [installation] = process.argv.slice(2);
const azurite = createRequire(`${installation}/node_modules/azurite/dist/src/blob/generated/`);
const dispatch = azurite("./middleware/dispatch.middleware.js").default;
const { Operation } = azurite("./artifacts/operation.js");
const logger = { verbose() {}, info() {}, error() {} };

const names = JSON.parse(readFileSync(0)).map(({ method, resource, parameters, headers }) => {
  const context = { dispatchPattern: resource };
  const request = {
    getMethod: () => method,
    getHeader: (name) => headers[name.toLowerCase()],
    getQuery: (name) => parameters[name],
  };
  dispatch(context, request, () => {}, logger);
  return Operation[context.operation] ?? null;
});
console.log(JSON.stringify(names));
