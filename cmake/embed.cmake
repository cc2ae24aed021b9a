# SPDX-License-Identifier: Apache-2.0
# cmake -DIN=file -DOUT=header -DNAME=symbol -P embed.cmake: a file as a C array.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "/* generated from a binary; do not edit */\n#pragma once\n\n"
  "#include <stddef.h>\n\n"
  "static const unsigned char ${NAME}[] __attribute__((aligned(8))) = {\n${bytes}\n};\n"
  "static const size_t ${NAME}_len = sizeof(${NAME});\n")
