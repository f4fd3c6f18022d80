'use strict';
// node launcher.cjs ADDON ARGUMENTS...: runs the program in the addon.
// node launcher.cjs --snapshot ADDON PATH: writes the startup snapshot that the addon wants.
const { dlopen: { RTLD_NOW } } = require('os').constants;

const words = process.argv.slice(2);
const makeSnapshot = words[0] === '--snapshot';
if (makeSnapshot) words.shift();
const addon = { exports: {} };
// What the executable exports comes first, its newer OpenSSL with it: one answers in the process.
process.dlopen(addon, require('path').resolve(words[0]), RTLD_NOW);
const { run, snapshot } = addon.exports;
process.exit(makeSnapshot ? snapshot(words[1]) : run(...words));
