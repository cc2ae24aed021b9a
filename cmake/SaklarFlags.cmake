# SPDX-License-Identifier: Apache-2.0
# Warning and hardening flags, in one place: target saklar_flags.
add_library(saklar_flags INTERFACE)
set(CMAKE_C_STANDARD 23)
set(CMAKE_C_EXTENSIONS ON)

target_compile_options(saklar_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations
  -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla
  -Walloca -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion
  -fno-common -fstack-protector-strong)
target_compile_definitions(saklar_flags INTERFACE _GNU_SOURCE)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(saklar_flags INTERFACE
    -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
    -ftrivial-auto-var-init=zero)
else()
  target_compile_options(saklar_flags INTERFACE
    -Wthread-safety -Wmissing-variable-declarations -Wconditional-uninitialized -Wcomma
    -Wno-gnu-statement-expression)
endif()
if(SAKLAR_WERROR)
  target_compile_options(saklar_flags INTERFACE -Werror)
endif()
if(SAKLAR_SANITIZE)
  add_compile_options(-fsanitize=${SAKLAR_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SAKLAR_SANITIZE})
  add_compile_definitions(SAKLAR_SANITIZED=1)
  # gcc's flow warnings misfire on instrumented code
  target_compile_options(saklar_flags INTERFACE -Wno-null-dereference)
  if(SAKLAR_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # it knows no fences; the reader that relies on ours is not instrumented, ixtab_read()
    target_compile_options(saklar_flags INTERFACE -Wno-tsan)
  endif()
else()
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(saklar_flags INTERFACE -Wstack-usage=16384)
  endif()
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(saklar_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()
if(SAKLAR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(SAKLAR_PLANTED_BUG)
  add_compile_definitions(SAKLAR_PLANTED_BUG=1)
endif()
include(CheckPIESupported)
check_pie_supported()
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
