"""Job names that a page must show as text and never interpret."""

HOSTILE = [
    "<img src=x onerror=window.pwned=1>", "<script>window.pwned=1</script>", '"><svg onload=window.pwned=1>',
    "javascript:window.pwned=1", "[x](javascript:window.pwned=1)", "$\\href{javascript:window.pwned=1}{x}$", "$$x^2$$",
    "\\(\\unicode{x41}\\)", "{{constructor.constructor('window.pwned=1')()}}", "${window.pwned=1}",
    "</td></tr></table><b>out</b>", "\u202egpj.exe", "\x1b[31mred", "a\x00b", "\u2028\u2029", "<iframe srcdoc=x>",
    "&lt;b&gt;", "%3Cscript%3E", "' onmouseover='window.pwned=1", "<style>*{display:none}</style>",
    "<a href=javascript:window.pwned=1>x</a>", "<base href=//evil.example>", "<meta http-equiv=refresh content=0>",
    "<math><mtext></mtext><script>window.pwned=1</script></math>", "<svg/onload=window.pwned=1>", "<b>bold</b>",
    "<details open ontoggle=window.pwned=1>", "<input autofocus onfocus=window.pwned=1>", "<template>x</template>",
    "<video><source onerror=window.pwned=1></video>", "<object data=x></object>", "<embed src=x>", "<form action=x>",
    "<link rel=stylesheet href=x>", "<!-- open", "<![CDATA[x]]>", "]]>", "--><script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>", "</style><script>window.pwned=1</script>", "</textarea>x", "</title>x",
    "`${window.pwned=1}`", "'); window.pwned=1; ('", '\\"; window.pwned=1; //', "@import url(x);", "![x](y)",
    "<%= 1 %>", "#{1}", "__proto__", "constructor", "toString", "null", "undefined", "NaN", " ", "\t\n\r", "\ufeffmark",
    "שלום עולם", "مرحبا بالعالم", "x" * 5_000,
]  # fmt: skip
