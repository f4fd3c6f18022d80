// What a source seems to import.
#include "runtime/bundle/imports.hpp"

#include <gtest/gtest.h>

namespace themis::bundle {
namespace {

using List = std::vector<std::string>;

TEST(Imports, AreFoundInEveryForm) {
  EXPECT_EQ(imports_of("import a from './a.js';\nimport {b} from \"b\"; import './c';"
                       "export * from './d.js'; const e = await import( './e.js' );"
                       "const f = require('./f.cjs'); import j from './a.js' with {type: 'json'};"),
            (List{"./a.js", "b", "./c", "./d.js", "./e.js", "./f.cjs"}));
}

TEST(Imports, AreNotFoundInCommentsStringsAndOtherCalls) {
  EXPECT_EQ(imports_of("// import a from './a';\n/* import './b' */ const s = \"import 'c'\";"
                       "const t = `import './d'`; it.require('./e'); Array.from('f');"
                       "important('./g'); import(`./h`); x = 'it\\'s'; import './i'"),
            List{"./i"});
}

TEST(Imports, AnUnclosedTextEndsWithItsLine) {
  EXPECT_EQ(imports_of("const a = 'open\nimport './b';"), List{"./b"});
  EXPECT_EQ(imports_of("import './b"), List{});
  EXPECT_EQ(imports_of("/* open"), List{});
  EXPECT_EQ(imports_of("import '"), List{});
}

TEST(Imports, RegressAPartOfAnArgumentNamesNothing) {
  EXPECT_EQ(imports_of("import('./a' + b); require('./c'+'d'); import('./e' , { with: {} });"
                       "import('./f' /* f */); import('./g'\n);"),
            (List{"./e", "./f", "./g"}));
}

}  // namespace
}  // namespace themis::bundle
