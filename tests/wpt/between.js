// Between the harness and the test: what becomes of the results.
add_completion_callback((tests, status) => {
  resolve(Response.json({ status: status.status, message: status.message,
    tests: tests.map(({ name, status, message }) => ({ name, status, message })) }));
});
addEventListener('unhandledrejection', (event) => { event.preventDefault(); });
// What idlharness.js takes the global scope for, once testharness.js has chosen its own way.
self.DedicatedWorkerGlobalScope = class {
  static [Symbol.hasInstance](object) { return object === self; }
};
