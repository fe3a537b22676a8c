"""Tables as they really come."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cli.sheet import SheetError, read

HEAD = "phone,name,topic"


def rows(tmp_path, data):
    path = tmp_path / "people.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    sheet = read(path)
    return sheet, list(sheet.rows)


@pytest.mark.parametrize(
    ("data", "encoding", "delimiter"),
    [
        (f"{HEAD}\n+491,Müller,blog\n".encode(), "utf-8", ","),
        (f"{HEAD}\n+491,Müller,blog\n".encode("utf-8-sig"), "utf-8", ","),
        (f"{HEAD}\n+491,Müller,blog\n".encode("cp1252"), "cp1252", ","),
        (f"{HEAD}\n+491,Müller,blog\n".encode("utf-16"), "utf-16", ","),
        (f"{HEAD}\n+491,Müller,blog".replace(",", ";").encode("cp1252"), "cp1252", ";"),
        (f"{HEAD}\r\n+491,Müller,blog\r\n".replace(",", "\t").encode(), "utf-8", "\t"),
        (f"sep=;\r\n{HEAD}\r\n+491,Müller,blog\r\n".replace(",", ";").encode(), "utf-8", ";"),
        (f"\n\n{HEAD}\n\n+491,Müller,blog\n\n".encode(), "utf-8", ","),
        (b'"phone";"name, first; last";"topic"\n+491;M\xc3\xbcller;blog', "utf-8", ";"),
        (" Phone , NAME,Topic \n +491 , Müller , blog ".encode(), "utf-8", ","),
    ],
)
def test_encodings_and_delimiters(tmp_path, data, encoding, delimiter):
    sheet, (row,) = rows(tmp_path, data)
    assert (sheet.encoding, sheet.delimiter) == (encoding, delimiter)
    assert list(row.fields.values()) == ["+491", "Müller", "blog"]
    assert row.problem == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n \n\xc2\xa0\n", "is empty"),
        (b"Telefon;Name\n1;2", "has to name a column phone or user_id; it names telefon, name"),
        (b"phone,phone\n1,2", "two columns are called 'phone'"),
        (b"phone\n\x81\x8d", "is no text in UTF-8 or Windows-1252"),
        (b"\xff\xfeabc", "begins like UTF-16"),
        (
            b"PK\x03\x04\x14\x00\x06\x00\x08\x00",
            "is an Excel workbook or another archive; save the",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel workbook; save the table as CSV"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"\x1f\x8b\x08\x00", "is compressed"),
        (f"{HEAD}\n+491,a,b\n".encode("utf-16-le"), "is UTF-16 without its mark; save it as UTF-8"),
        (f"{HEAD}\n+491,a,b\n".encode("utf-16-be"), "is UTF-16 without its mark; save it as UTF-8"),
        (bytes(range(256)), "is no text in UTF-8 or Windows-1252"),
        (b'"phone,name\n+491,Eva\n', "a quotation mark in the first line is never closed"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"phone,Phone \n1,2", "two columns are called 'phone'"),
        (b"confirmed_at,Confirmed At,phone\n1,2", "two columns are called 'confirmed_at'"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, data, said):
    with pytest.raises(SheetError, match=said):
        rows(tmp_path, data)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("+491,Eva,blog,more", "has 4 fields, the first line names 3 columns"),
        ("+491,E\0va,blog", "holds a NUL byte"),
        ("+491,E�va,blog", "characters that were lost before"),
        ("491713920033,Eva,blog", "begins with neither \\+ nor 0"),
        ("+491," + "x" * 10_000_000 + ",blog", "a field of 10,000,000 characters, 20,000 are"),
        ('+491,"open,blog\n' + "+492,Eva,blog\n" * 3000, "may be open from line 2 to 3002"),
        ('+491,"open,blog\n', "a quotation mark may be open in line 2"),
        ('+491,"Eva" Maria,blog', "a quotation mark inside a quoted field; in there it is written twice"),
        ("+491,=1+1,blog", "name holds a formula; save the table with its values"),
        ("=A1,Eva,blog", "phone holds a formula"),
        ("4.91714E+11,Eva,blog", "phone lost digits in a spreadsheet; export that column as text"),
        ("4E+11,Eva,blog", "phone lost digits in a spreadsheet"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used(tmp_path, line, said):
    _, found = rows(tmp_path, f"{HEAD}\n{line}")
    assert found[0].line == 2
    assert found[0].problem
    assert re.search(said, found[0].problem)


def test_lines_are_counted_also_through_breaks_in_fields(tmp_path):
    _, found = rows(tmp_path, f'{HEAD}\n+491,"two\nlines",a\n\n,,\n+492,x,b\n+493\n+494,x,,,\n')
    assert [(row.line, row.problem) for row in found] == [(2, ""), (6, ""), (7, ""), (8, "")]
    assert found[2].fields == {"phone": "+493"}


@pytest.mark.parametrize(
    ("lines", "read_ones"),
    [
        # an open quotation mark costs its own row, not those that it would swallow
        (['+4910000002,"open,blog', "+4910000003,Eva,blog", "+4910000004,Ada,blog"], [3, 4]),
        (['+4910000002,"open,blog', "+4910000003,Eva,blog", '+4910000004,"Ada",blog'], [3, 4]),
        (['+4910000002,"a"b,blog', "+4910000003,Eva,blog"], [3]),
        (["+4910000002,E\0va,blog", "+4910000003,Eva,blog"], [3]),
        (['+4910000002,"' + "x\n" * 20_000 + '",blog', "+4910000003,Eva,blog"], [20_003]),
        # and what is a field of several lines stays one
        (['+4910000002,"Eva\nfrom Kiel, by the sea",blog', "+4910000004,Ada,blog"], [2, 4]),
        (['+4910000002,"Eva\na, b, c, d",blog', "+4910000004,Ada,blog"], [2, 4]),
    ],
)
def test_what_follows_a_broken_row_is_read(tmp_path, lines, read_ones):
    _, found = rows(tmp_path, "\n".join([HEAD, *lines]))
    good = [row.line for row in found if not row.problem and row.fields.get("phone")]
    assert good == read_ones
    assert sum(bool(row.problem) for row in found if row.line == 2) == (2 not in read_ones)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_where_editors_see_them_end(tmp_path, end):
    names = ["E\u2028va", "E\x0cva", "E\x85va", "E\x1cva"]
    lines = [HEAD, *(f"+491000000{n},{name},blog" for n, name in enumerate(names))]
    _, found = rows(tmp_path, end.join(lines))
    assert [row.line for row in found] == [2, 3, 4, 5]
    assert [row.fields["name"] for row in found] == names


BITS = ["+49 171 3920033", "Jürgen", "blog", '"', '""', ",", ";", "\n", "\r\n", "\0", "=1", "4E+11",
        '"a\nb"', "\u2028", "\x0c", "😀", "\ufeff"]  # fmt: skip


@given(
    st.lists(st.sampled_from(BITS), max_size=40),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"]),
    st.integers(0, 500),
    st.binary(max_size=2),
)
@settings(derandomize=True, max_examples=300, deadline=None)
def test_whatever_stands_in_a_file(bits, encoding, place, added):
    """Rows in order, each with what is wrong, or one sentence about the whole file."""
    raw = "".join([HEAD, "\n", *bits]).encode(encoding, "replace")
    with TemporaryDirectory() as folder:
        path = Path(folder, "people.csv")
        path.write_bytes(raw[:place] + added + raw[place:])
        try:
            found = list(read(path).rows)
        except SheetError:
            return
    lines = [row.line for row in found]
    assert lines == sorted(set(lines))
    assert all(row.fields or row.problem for row in found)


def test_text_in_the_way_of_spreadsheets(tmp_path):
    _, (row,) = rows(tmp_path, HEAD + '\n"=""+4910000002""",Eva,blog\n')
    assert (row.fields["phone"], row.problem) == ("+4910000002", "")


@pytest.mark.parametrize(
    ("head", "hints"),
    [
        ("phone,topic,confirmed_at,source,wording,ip", []),
        ("Phone,Topic,Confirmed At,SOURCE,wording", []),
        ("phone,comfirmed_at,source,wording",
         ["the column 'comfirmed_at' is kept as evidence only; did you mean 'confirmed_at'?",
          "there is no column confirmed_at: no row can prove a consent"]),
        ("phone", ["there is no column confirmed_at, source, wording: no row can prove a consent"]),
    ],
)  # fmt: skip
def test_hints_about_the_columns(tmp_path, head, hints):
    sheet, _ = rows(tmp_path, f"{head}\n")
    assert list(sheet.hints) == hints
