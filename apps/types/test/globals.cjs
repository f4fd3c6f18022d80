// Prints, as JSON, every global and every member of a class or namespace ("Request.cache",
// "console.log") that index.d.ts and TypeScript's library for workers give a type: { own, all }.
const path = require('node:path');
const ts = require('typescript');

const index = path.join(__dirname, '..', 'index.d.ts');
const program = ts.createProgram([index], { lib: ['lib.es2024.d.ts', 'lib.webworker.d.ts'],
  types: [], noEmit: true, target: ts.ScriptTarget.ES2024 });
const checker = program.getTypeChecker();
const isFrom = (symbol, where) => (symbol.declarations ?? []).some(
  (declaration) => where.test(declaration.getSourceFile().fileName));
const own = /types\/index\.d\.ts$/;
const both = /types\/index\.d\.ts$|lib\.webworker\.[a-z.]*d\.ts$/;

/// The type whose members an object of this class, or this object itself, has.
const typeOf = (symbol) => {
  const type = checker.getTypeOfSymbol(symbol);
  const prototype = type.getProperty('prototype');
  return prototype === undefined ? type : checker.getTypeOfSymbol(prototype);
};
const found = { own: [], all: [] };
const add = (name, symbol) => {
  found.all.push(name);
  if (isFrom(symbol, own)) found.own.push(name);
};
const others = ['self', 'performance'];  // their members are told of elsewhere
for (const symbol of checker.getSymbolsInScope(program.getSourceFile(index), ts.SymbolFlags.Value)) {
  if (!isFrom(symbol, both) || symbol.name.startsWith('"')) continue;
  add(symbol.name, symbol);
  if (others.includes(symbol.name)) continue;
  for (const member of typeOf(symbol).getProperties()) {
    // isTrusted is of each event itself.
    if (isFrom(member, both) && /^(?!isTrusted)[A-Za-z]\w*$/.test(member.name))
      add(`${symbol.name}.${member.name}`, member);
  }
}
console.log(JSON.stringify(found));
