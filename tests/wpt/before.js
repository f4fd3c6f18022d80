// The head of a test as a function: what a test may expect of its surroundings.
export default { async fetch(request) {
const given = await request.json();
return new Promise((resolve) => {
self.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false };
self.location = { search: given.variant, pathname: given.path,
  href: `http://web-platform.test${given.path}`, origin: 'http://web-platform.test' };
self.fetch = async (name, init) => {
  if (String(name?.url ?? name).endsWith('/echo-content.py'))  // what that server answers
    return new Response(await new Request(new URL(name, location.href), init).text());
  const text = given.files[name];
  if (text === undefined) throw new TypeError(`${name}: not among the files of this test`);
  return new Response(text);
};
