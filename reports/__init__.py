"""Turn an assessment into bytes: workbooks, exports, mail texts. Pure: no file is opened for writing here."""
