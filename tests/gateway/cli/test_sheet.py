"""Tables as they really come."""

import pytest

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
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "has to name a column phone or user_id"),
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
        ('+491,"open,blog\n' + "+492,Eva,blog\n" * 3000, "open from line 2 to 3002"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path, line, said):
    _, found = rows(tmp_path, f"{HEAD}\n{line}")
    assert found[0].line == 2
    assert found[0].problem
    import re

    assert re.search(said, found[0].problem)


def test_lines_are_counted_also_through_breaks_in_fields(tmp_path):
    _, found = rows(tmp_path, f'{HEAD}\n+491,"two\nlines",a\n\n,,\n+492,x,b\n+493\n+494,x,,,\n')
    assert [(row.line, row.problem) for row in found] == [(2, ""), (6, ""), (7, ""), (8, "")]
    assert found[2].fields == {"phone": "+493"}
