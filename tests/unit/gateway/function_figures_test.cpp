#include "actors/gateway/function_figures.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

constexpr TimePoint kStart{1h};

TEST(FunctionFigures, CountAndMeasureEachFunction) {
  FunctionFigures figures;
  for (int i = 1; i <= 100; ++i)
    figures.add("f", std::chrono::microseconds(i * 100), 7, i > 98, kStart);
  figures.add("g", 3ms, 0, false, kStart);
  const auto all = figures.report(kStart);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "f");
  EXPECT_EQ(all[0].calls, 100u);
  EXPECT_EQ(all[0].failures, 2u);
  EXPECT_EQ(all[0].cpu_us, 700u);
  EXPECT_NEAR(static_cast<double>(all[0].p50_us), 5000, 1000);
  EXPECT_NEAR(static_cast<double>(all[0].p99_us), 9900, 2000);
  EXPECT_NEAR(static_cast<double>(all[1].p50_us), 3000, 600);
}

TEST(FunctionFigures, PercentilesAreOfTheLastWindowsAndCountsOfAll) {
  FunctionFigures figures;
  figures.add("f", 1s, 1, false, kStart);
  figures.add("f", 1ms, 1, false, kStart + FunctionFigures::kWindow);
  EXPECT_GT(figures.report(kStart + FunctionFigures::kWindow)[0].p99_us, 500'000);
  const auto later = figures.report(kStart + 2 * FunctionFigures::kWindow);
  EXPECT_LT(later[0].p99_us, 2'000) << "the second is out of the window";
  EXPECT_EQ(later[0].calls, 2u);
  EXPECT_EQ(figures.report(kStart + 9 * FunctionFigures::kWindow)[0].p99_us, 0);
}

TEST(FunctionFigures, EveryLatencyHasItsPlace) {
  for (const int64_t us : {0, 1, 2, 3, 5, 77, 1000, 123456, 30'000'000}) {
    FunctionFigures figures;
    figures.add("f", std::chrono::microseconds(us), 0, false, kStart);
    const auto measured = static_cast<double>(figures.report(kStart)[0].p50_us);
    EXPECT_NEAR(measured, static_cast<double>(std::max<int64_t>(us, 1)),
                std::max(1.0, static_cast<double>(us) / 5));
  }
  FunctionFigures figures;
  figures.add("f", 24h, 0, false, kStart);
  EXPECT_GT(figures.report(kStart)[0].p50_us, 0);
}

TEST(FunctionFigures, TheOneNotCalledLongestIsForgotten) {
  FunctionFigures figures;
  for (size_t i = 0; i <= FunctionFigures::kFunctionsMax; ++i)
    figures.add(std::to_string(i), 1ms, 0, false, kStart + i * 1ms);
  const auto all = figures.report(kStart);
  EXPECT_EQ(all.size(), FunctionFigures::kFunctionsMax);
  for (const auto& one : all) EXPECT_NE(one.name, "0");
}

}  // namespace
}  // namespace themis
