"""Texts that are hard to read."""

NASTY = {
    "byte order mark": "\ufeffone\ntwo\nthree\nfour\n".encode(),
    "carriage return and line feed": b"one\r\ntwo\r\n\r\nthree\r\nfour\r\n",
    "carriage returns alone": b"one\rtwo\r\rthree\rfour\r",
    "nul": b"\0one\0\ntwo\0three\0\0\n",
    "line separators": "one\u2028two\u2029three\x85four\x0b".encode(),
    "combining marks": "e\u0301 e\u0301 a\u0308\u0323\nno\u0308 e\u0301\n".encode(),
    "emoji": "👩\u200d👩\u200d👧\n🏳\ufe0f\u200d🌈 👍🏽, and no line end".encode(),
    "lone surrogates": b"one \xed\xa0\x80 two \xed\xbf\xbf three\n",
    "only line ends": b"\n" * 40,
}
