'use strict';
// WebAssembly as V8 has it, but that every memory is made here, where it is counted, and that bytes
// become code in C++, where modules are shared and profiles decide.
const {
  ArrayPrototypePush, BigInt, Number, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor,
  ObjectSetPrototypeOf, RangeError, ReflectApply, ReflectConstruct, String, StringPrototypeSplit,
  StringPrototypeToLowerCase, StringPrototypeTrim, SymbolToStringTag, TypeError,
} = primordials;

const kPageBytes = 65536;
const kPagesEnd = 4294967296;
const kMemoryImports = 'themis:memory';

/// What a module asks of kMemoryImports: [initial, maximum or undefined, bits].
const limitsOf = (name) => {
  const parts = StringPrototypeSplit(name, ',');
  return [Number(parts[1]), parts[2] === '' ? undefined : Number(parts[2]), parts[3]];
};

/// V8's namespace in, ours out. Run when somebody first asks for the name; again, when that was
/// ended in the middle: V8's own objects are only changed where a second time does no harm.
exports.open = (raw) => {
  const importsOf = raw.Module.imports;
  const RawMemory = raw.Memory;
  const growRaw = RawMemory.prototype.grow;
  const bufferOf = ObjectGetOwnPropertyDescriptor(RawMemory.prototype, 'buffer').get;

  /// A memory of the function's, counted. `bits`: 32 or 64.
  const makeMemory = (initial, maximum, bits, target) => {
    const most = native.wasmPagesMax();
    if (!native.wasmMayHold(initial * kPageBytes))
      throw new RangeError('WebAssembly.Memory(): over the memory limit of the function');
    const wide = bits === '64';
    const value = (pages) => (wide ? BigInt(pages) : pages);
    const memory = ReflectConstruct(RawMemory, [{
      __proto__: null,
      initial: value(initial),
      maximum: value(maximum === undefined || maximum > most ? most : maximum),
      address: wide ? 'i64' : 'i32',
    }], target);
    native.wasmHold(memory);
    return memory;
  };
  const pages = (value, what, wide) => {
    const number = wide ? Number(BigInt(value)) : Number(value);
    if (!(number > -1 && number < kPagesEnd * (wide ? kPageBytes : 1)))
      throw new TypeError(`WebAssembly.Memory(): Property '${what}': value ${value} is out of range`);
    return number - number % 1;
  };

  function Memory(descriptor) {
    if (new.target === undefined)
      throw new TypeError("WebAssembly.Memory must be invoked with 'new'");
    if ((typeof descriptor !== 'object' || descriptor === null) && typeof descriptor !== 'function')
      throw new TypeError('WebAssembly.Memory(): Argument 0 must be a memory descriptor');
    const { address } = descriptor;
    const kind = address === undefined ? 'i32' : String(address);
    if (kind !== 'i32' && kind !== 'i64')
      throw new TypeError(`WebAssembly.Memory(): Unknown address type '${kind}'`);
    const wide = kind === 'i64';
    const { initial } = descriptor;
    if (initial === undefined)
      throw new TypeError("WebAssembly.Memory(): Property 'initial' is required");
    const first = pages(initial, 'initial', wide);
    const { maximum } = descriptor;
    const last = maximum === undefined ? undefined : pages(maximum, 'maximum', wide);
    if (descriptor.shared) throw new TypeError('WebAssembly.Memory(): shared memory is not supported');
    if (last !== undefined && last < first)
      throw new RangeError("WebAssembly.Memory(): Property 'maximum' is below 'initial'");
    return makeMemory(first, last, wide ? '64' : '32',
      new.target === Memory ? RawMemory : new.target);
  }

  /// A second argument for V8's Instance: the function's own imports and the module's memories.
  const withMemories = (module, imports) => {
    const wanted = ReflectApply(importsOf, undefined, [module]);
    const memories = { __proto__: null };
    let count = 0;
    for (let i = 0; i < wanted.length; i++) {
      if (wanted[i].module !== kMemoryImports) continue;
      count++;
      const [initial, maximum, bits] = limitsOf(wanted[i].name);
      memories[wanted[i].name] = makeMemory(initial, maximum, bits, RawMemory);
    }
    if (count === 0) return imports;
    const isObject = (typeof imports === 'object' && imports !== null) ||
      typeof imports === 'function';
    if (!isObject && (imports !== undefined || count < wanted.length))
      throw new TypeError('WebAssembly.Instance(): Imports argument must be present and must be ' +
        'an object');
    return { __proto__: isObject ? imports : null, [kMemoryImports]: memories };
  };
  const compile = (bytes, what) => {
    const view = web.asBytes(bytes);
    if (view === undefined) throw new TypeError(`${what}: Argument 0 must be a buffer source`);
    const module = native.wasmCompile(view);
    if (typeof module === 'string') throw new raw.CompileError(`${what}: ${module}`);
    return module;
  };
  const isModule = (value) => native.wasmIsModule(value);
  const instantiate = (module, imports) =>
    ReflectConstruct(raw.Instance, [module, withMemories(module, imports)]);

  function Module(bytes) {
    if (new.target === undefined)
      throw new TypeError("WebAssembly.Module must be invoked with 'new'");
    const module = compile(bytes, 'WebAssembly.Module()');
    if (new.target !== Module) ObjectSetPrototypeOf(module, new.target.prototype);
    return module;
  }
  function Instance(module, imports = undefined) {
    if (new.target === undefined)
      throw new TypeError("WebAssembly.Instance must be invoked with 'new'");
    if (!isModule(module))
      throw new TypeError('WebAssembly.Instance(): Argument 0 must be a WebAssembly.Module');
    return ReflectConstruct(raw.Instance, [module, withMemories(module, imports)],
      new.target === Instance ? raw.Instance : new.target);
  }
  ObjectDefineProperty(Instance, 'length', { __proto__: null, value: 1 });

  const fromResponse = async (source, what) => {
    const response = await source;
    if (!web.isResponse(response))
      throw new TypeError(`${what}: Argument 0 must be a Response or a Promise of one`);
    if (!response.ok) throw new TypeError(`${what}: HTTP status code is not ok`);
    const type = web.headerOf(response, 'content-type');
    if (type === null ||
        StringPrototypeToLowerCase(StringPrototypeTrim(type)) !== 'application/wasm')
      throw new TypeError(`${what}: Incorrect response MIME type. Expected 'application/wasm'.`);
    return compile(await web.bytesOf(response), what);
  };
  const methods = {
    __proto__: null,
    validate(bytes) {
      const view = web.asBytes(bytes);
      if (view === undefined)
        throw new TypeError('WebAssembly.validate(): Argument 0 must be a buffer source');
      return ReflectApply(raw.validate, undefined, [view]) && native.wasmIsSupported(view);
    },
    async compile(bytes) { return compile(bytes, 'WebAssembly.compile()'); },
    async instantiate(source, imports = undefined) {
      if (isModule(source)) return instantiate(source, imports);
      const module = compile(source, 'WebAssembly.instantiate()');
      await undefined;  // imports are looked at when the module is there
      return { module, instance: instantiate(module, imports) };
    },
    async compileStreaming(source) {
      return fromResponse(source, 'WebAssembly.compileStreaming()');
    },
    async instantiateStreaming(source, imports = undefined) {
      const module = await fromResponse(source, 'WebAssembly.instantiateStreaming()');
      return { module, instance: instantiate(module, imports) };
    },
    imports(module) {
      const seen = ReflectApply(importsOf, undefined, [module]);
      const own = [];
      for (let i = 0; i < seen.length; i++)
        if (seen[i].module !== kMemoryImports) ArrayPrototypePush(own, seen[i]);
      return own;
    },
    grow(delta) {
      ReflectApply(bufferOf, this, []);  // throws for another `this`
      const more = typeof delta === 'bigint' ? delta : Number(delta);
      const number = Number(more);
      if (number > -1 && number < kPagesEnd && !native.wasmMayHold(number * kPageBytes))
        throw new RangeError('WebAssembly.Memory.grow(): over the memory limit of the function');
      return ReflectApply(growRaw, this, [more]);
    },
  };

  const define = (object, name, value, enumerable = false) => ObjectDefineProperty(object, name,
    { __proto__: null, value, writable: true, configurable: true, enumerable });
  const replace = (Ours, Raw) => {
    ObjectDefineProperty(Ours, 'prototype', { __proto__: null, value: Raw.prototype,
      writable: false });
    define(Raw.prototype, 'constructor', Ours);
  };
  replace(Module, raw.Module);
  replace(Instance, raw.Instance);
  replace(Memory, RawMemory);
  define(Module, 'imports', methods.imports, true);
  define(Module, 'exports', raw.Module.exports, true);
  define(Module, 'customSections', raw.Module.customSections, true);
  define(RawMemory.prototype, 'grow', methods.grow, true);
  delete RawMemory.prototype.toResizableBuffer;  // it would grow past the counting
  const namespace = {};
  for (const name of ['compile', 'validate', 'instantiate', 'compileStreaming',
    'instantiateStreaming']) define(namespace, name, methods[name], true);
  for (const [name, value] of [['Module', Module], ['Instance', Instance], ['Memory', Memory]])
    define(namespace, name, value);
  for (const name of ['Table', 'Global', 'Tag', 'Exception', 'CompileError', 'LinkError',
    'RuntimeError']) define(namespace, name, raw[name]);
  ObjectDefineProperty(namespace, 'JSTag', { __proto__: null, value: raw.JSTag, enumerable: true });
  ObjectDefineProperty(namespace, SymbolToStringTag,
    { __proto__: null, value: 'WebAssembly', configurable: true });
  return namespace;
};
