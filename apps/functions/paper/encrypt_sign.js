// Encrypt-and-sign of the original's README: HMAC-SHA-512 and AES, by a passphrase, of the body.
import { AES, HmacSHA512 } from 'crypto-es';

const KEY = 'secret key 123';
const TEXT_BYTES_MAX = 100_000;

export default {
  async fetch(request) {
    if (request.method !== 'POST') {
      return Response.json({ what: 'HMAC-SHA-512 and AES of the body', size: 10_000 });
    }
    const text = await request.text();
    if (text.length > TEXT_BYTES_MAX) {
      return Response.json({ error: `more than ${TEXT_BYTES_MAX} characters` }, { status: 413 });
    }
    return Response.json({
      signature: HmacSHA512(text, KEY).toString(),
      ciphertext: AES.encrypt(text, KEY).toString(),
    });
  },
};
