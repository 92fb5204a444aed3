"""A schema for the tasks we write, after the reference "Task Scheduler Schema" of Microsoft Learn.

Only the elements a task of ours may hold, in the order, with the values and the numbers the reference gives them.
Source: https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema
"""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _flags(names: tuple[str, ...]) -> str:
    return "".join(f'<xs:element name="{name}" minOccurs="0"><xs:complexType/></xs:element>' for name in names)


def _settings() -> str:
    booleans = (
        *("AllowStartOnDemand", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "AllowHardTerminate"),
        *("StartWhenAvailable", "RunOnlyIfNetworkAvailable", "WakeToRun", "Enabled", "Hidden", "RunOnlyIfIdle"),
    )
    return "".join(f'<xs:element name="{name}" type="xs:boolean" minOccurs="0"/>' for name in booleans)


SCHEMA = f"""<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"
  targetNamespace="http://schemas.microsoft.com/windows/2004/02/mit/task"
  xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"
  xmlns:td="http://schemas.microsoft.com/windows/2004/02/mit/task">
<xs:element name="Task">
  <xs:complexType>
    <xs:all>
      <xs:element name="RegistrationInfo" minOccurs="0"><xs:complexType><xs:all>
        <xs:element name="Date" type="xs:dateTime" minOccurs="0"/>
        <xs:element name="Author" type="xs:string" minOccurs="0"/>
        <xs:element name="Description" type="xs:string" minOccurs="0"/>
      </xs:all></xs:complexType></xs:element>
      <xs:element name="Triggers" minOccurs="0"><xs:complexType><xs:sequence>
        <xs:element name="CalendarTrigger" type="calendar" minOccurs="0" maxOccurs="48"/>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="Principals" minOccurs="0"><xs:complexType><xs:sequence>
        <xs:element name="Principal"><xs:complexType><xs:all>
          <xs:element name="UserId" minOccurs="0"><xs:simpleType>
            <xs:restriction base="xs:string"><xs:minLength value="1"/></xs:restriction>
          </xs:simpleType></xs:element>
          <xs:element name="LogonType" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
            <xs:enumeration value="S4U"/><xs:enumeration value="Password"/>
            <xs:enumeration value="InteractiveToken"/><xs:enumeration value="InteractiveTokenOrPassword"/>
          </xs:restriction></xs:simpleType></xs:element>
          <xs:element name="RunLevel" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
            <xs:enumeration value="LeastPrivilege"/><xs:enumeration value="HighestAvailable"/>
          </xs:restriction></xs:simpleType></xs:element>
        </xs:all><xs:attribute name="id" type="xs:ID"/></xs:complexType></xs:element>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="Settings" minOccurs="0"><xs:complexType><xs:all>
        {_settings()}
        <xs:element name="MultipleInstancesPolicy" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
          <xs:enumeration value="Parallel"/><xs:enumeration value="Queue"/>
          <xs:enumeration value="IgnoreNew"/><xs:enumeration value="StopExisting"/>
        </xs:restriction></xs:simpleType></xs:element>
        <xs:element name="ExecutionTimeLimit" type="xs:duration" minOccurs="0"/>
      </xs:all></xs:complexType></xs:element>
      <xs:element name="Actions"><xs:complexType><xs:sequence>
        <xs:element name="Exec" maxOccurs="32"><xs:complexType><xs:all>
          <xs:element name="Command" type="path"/>
          <xs:element name="Arguments" type="xs:string" minOccurs="0"/>
          <xs:element name="WorkingDirectory" type="path" minOccurs="0"/>
        </xs:all></xs:complexType></xs:element>
      </xs:sequence><xs:attribute name="Context" type="xs:IDREF"/></xs:complexType></xs:element>
    </xs:all>
    <xs:attribute name="version"><xs:simpleType><xs:restriction base="xs:string">
      <xs:pattern value="\\d+(\\.\\d+)?"/>
    </xs:restriction></xs:simpleType></xs:attribute>
  </xs:complexType>
</xs:element>
<xs:complexType name="calendar"><xs:sequence>
  <xs:element name="Enabled" type="xs:boolean" minOccurs="0"/>
  <xs:element name="StartBoundary" type="xs:dateTime" minOccurs="0"/>
  <xs:element name="EndBoundary" type="xs:dateTime" minOccurs="0"/>
  <xs:element name="ExecutionTimeLimit" type="xs:duration" minOccurs="0"/>
  <xs:element name="RandomDelay" type="xs:duration" minOccurs="0"/>
  <xs:choice>
    <xs:element name="ScheduleByWeek"><xs:complexType><xs:all>
      <xs:element name="WeeksInterval" type="xs:unsignedByte" minOccurs="0"/>
      <xs:element name="DaysOfWeek" minOccurs="0"><xs:complexType><xs:all>{_flags(_DAYS)}</xs:all></xs:complexType>
      </xs:element>
    </xs:all></xs:complexType></xs:element>
    <xs:element name="ScheduleByMonth"><xs:complexType><xs:all>
      <xs:element name="DaysOfMonth" minOccurs="0"><xs:complexType><xs:sequence>
        <xs:element name="Day" minOccurs="0" maxOccurs="32"><xs:simpleType><xs:restriction base="xs:string">
          <xs:pattern value="[1-9]|[1-2][0-9]|3[0-1]|Last"/>
        </xs:restriction></xs:simpleType></xs:element>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="Months" minOccurs="0"><xs:complexType><xs:all>{_flags(_MONTHS)}</xs:all></xs:complexType>
      </xs:element>
    </xs:all></xs:complexType></xs:element>
  </xs:choice>
</xs:sequence></xs:complexType>
<xs:simpleType name="path"><xs:restriction base="xs:string">
  <xs:minLength value="1"/><xs:maxLength value="260"/>
</xs:restriction></xs:simpleType>
</xs:schema>
"""
