'use strict';
// Values of an actor's storage that are longer than one of the state: in pieces under keys of their
// own, too many for one transaction. So a note of each is written first and deleted last: a note of
// a value that no head names tells, after a crash, which pieces are of no use. Under the actor's key
// and ":" are notes, "!ID", and pieces, "ID.000"; under the value's own key is its head.
const {
  ArrayPrototypePush, MathTrunc, StringPrototypeSlice, TypedArrayPrototypeLength,
  TypedArrayPrototypeSet, TypedArrayPrototypeSubarray, Uint8Array,
} = primordials;

/// Two fill what one transaction of the state writes.
const kPieceBytes = 872;
const kPiecesAtOnce = 2;
/// What one transaction deletes.
const kKeysAtOnce = 8;
/// Questions that are open at once.
const kOpenMax = 16;

const pad = (n) => StringPrototypeSlice(`00${n}`, -3);
const countOf = (size) => MathTrunc((size + kPieceBytes - 1) / kPieceBytes);
const inParts = (list, size) => {
  const parts = [];
  for (let i = 0; i < list.length; i += size) {
    const part = [];
    for (let j = i; j < i + size && j < list.length; j++) ArrayPrototypePush(part, list[j]);
    ArrayPrototypePush(parts, part);
  }
  return parts;
};

/// Of normal values the first byte is V8's mark, 255.
const isHead = (bytes) => bytes[0] === 0;
/// { id, size } of a head.
const parse = (head) => {
  const [id, size] = native.deserialize(TypedArrayPrototypeSubarray(head, 1));
  return { __proto__: null, id, size };
};
/// A value on its way to the disk.
const make = (bytes) => {
  const random = new Uint8Array(8);
  native.random(random);
  const id = web.toHex(random);
  const size = TypedArrayPrototypeLength(bytes);
  const content = native.serialize([id, size]);
  const head = new Uint8Array(TypedArrayPrototypeLength(content) + 1);
  TypedArrayPrototypeSet(head, content, 1);
  return { __proto__: null, isLong: true, id, size, bytes, head };
};

/// `ask(question, kind)`: to the state. `key`: the actor's. `kinds`: of reads that are the actor's,
/// and of all that is not.
const open = (ask, key, { read, write }) => {
  let swept;
  const noteOf = (id) => `${key}:!${id}`;
  const pieceOf = (id, n) => `${key}:${id}.${pad(n)}`;
  const commit = async (parts) => {
    for (let i = 0; i < parts.length; i += kOpenMax) {
      const answers = [];
      for (let j = i; j < i + kOpenMax && j < parts.length; j++)
        ArrayPrototypePush(answers, ask({ op: 'transaction', changes: parts[j] }, write));
      for (let j = 0; j < answers.length; j++) await answers[j];
    }
  };
  const piece = ({ id, bytes }, n) => {
    const some = TypedArrayPrototypeSubarray(bytes, n * kPieceBytes, (n + 1) * kPieceBytes);
    return { key: pieceOf(id, n), value: { hex: web.toHex(some) } };
  };
  const list = async (prefix, kind) => {
    const rows = [];
    for (let after = '', more = true; more;) {
      const answer = await ask({ op: 'list', prefix, after }, kind);
      more = answer.more && answer.entries.length > 0;
      for (let i = 0; i < answer.entries.length; i++) {
        ArrayPrototypePush(rows, answer.entries[i]);
        after = answer.entries[i].key;
      }
    }
    return rows;
  };
  /// Deletes the pieces of `gone`, then the notes of those and of `made`.
  const finish = async (made, gone) => {
    const pieces = [];
    const notes = [];
    for (let i = 0; i < gone.length; i++) {
      for (let n = 0; n < countOf(gone[i].size); n++)
        ArrayPrototypePush(pieces, { key: pieceOf(gone[i].id, n), value: null });
      ArrayPrototypePush(notes, { key: noteOf(gone[i].id), value: null });
    }
    for (let i = 0; i < made.length; i++)
      ArrayPrototypePush(notes, { key: noteOf(made[i].id), value: null });
    await commit(inParts(pieces, kKeysAtOnce));
    await commit(inParts(notes, kKeysAtOnce));
  };
  const sweep = async () => {
    const notes = await list(noteOf(''), write);
    const gone = [];
    const kept = [];
    for (let i = 0; i < notes.length; i++) {
      const [of, size] = native.deserialize(web.fromHex(notes[i].value.hex));
      const id = StringPrototypeSlice(notes[i].key, noteOf('').length);
      const { value } = await ask({ op: 'get', key: of }, write);
      const head = value?.hex === undefined ? undefined : web.fromHex(value.hex);
      const isUsed = head !== undefined && isHead(head) && parse(head).id === id;
      ArrayPrototypePush(isUsed ? kept : gone, { __proto__: null, id, size });
    }
    await finish(kept, gone);
  };
  return {
    __proto__: null,
    /// Whether anything of long values is stored.
    async any() {
      return (await ask({ op: 'list', prefix: `${key}:`, after: '' }, write)).entries.length > 0;
    },
    /// Takes away what a crash left, once, before there are notes of this object's own.
    sweep() { return swept ??= sweep(); },
    /// Before the heads of `made` are written, which take the place of `gone`: each has its `key`.
    async begin(made, gone) {
      await this.sweep();
      const notes = [];
      const note = ({ key: of, id, size }) => ArrayPrototypePush(notes,
        { key: noteOf(id), value: { hex: web.toHex(native.serialize([of, size])) } });
      for (let i = 0; i < made.length; i++) note(made[i]);
      for (let i = 0; i < gone.length; i++) note(gone[i]);
      await commit(inParts(notes, kKeysAtOnce));
      const pieces = [];
      for (let i = 0; i < made.length; i++)
        for (let n = 0; n < countOf(made[i].size); n++)
          ArrayPrototypePush(pieces, piece(made[i], n));
      await commit(inParts(pieces, kPiecesAtOnce));
    },
    finish,
    /// The value of a head; undefined when some of it is gone: it was written anew meanwhile.
    async gather(head) {
      const { id, size } = parse(head);
      const bytes = new Uint8Array(size);
      const pieces = await list(`${key}:${id}.`, read);
      let at = 0;
      for (let i = 0; i < pieces.length; i++) {
        const { value } = pieces[i];  // the state says bytes that are UTF-8 as a text
        const some = typeof value === 'string' ? native.utf8Encode(value) : web.fromHex(value.hex);
        if (pieces[i].key !== pieceOf(id, i) || at + some.length > size) return undefined;
        TypedArrayPrototypeSet(bytes, some, at);
        at += some.length;
      }
      return at === size ? bytes : undefined;
    },
  };
};

module.exports = { isHead, parse, make, open };
