export default {
  async fetch(request) {
    const hash = await crypto.subtle.digest('SHA-256', await request.arrayBuffer());
    const digits = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0'));
    return new Response(digits.join(''));
  },
};
